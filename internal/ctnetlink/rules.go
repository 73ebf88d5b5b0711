package ctnetlink

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// rulesNeedConntrack reports, by family, whether an nftables rule (iptables-nft
// included) makes the kernel track connections.
func rulesNeedConntrack(conn *netlink.Conn) (ipv4, ipv6 bool, err error) {
	rules, err := list(conn, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETRULE, Filter{}.request())
	if errors.Is(err, errNoSubsystem) {
		return false, false, nil
	}
	for _, rule := range rules {
		family, needs, err := ruleNeedsConntrack(rule)
		if err != nil {
			return false, false, fmt.Errorf("listing nftables rules: %w", err)
		}
		ipv4 = ipv4 || needs && (family == unix.NFPROTO_INET || family == unix.NFPROTO_IPV4)
		ipv6 = ipv6 || needs && (family == unix.NFPROTO_INET || family == unix.NFPROTO_IPV6)
	}
	if err != nil {
		err = fmt.Errorf("listing nftables rules: %w", err)
	}
	return ipv4, ipv6, err
}

func ruleNeedsConntrack(rule netlink.Message) (family uint8, needs bool, err error) {
	family, ad, err := attributes(rule)
	if err != nil {
		return 0, false, err
	}
	for ad.Next() {
		if ad.Type() == unix.NFTA_RULE_EXPRESSIONS {
			ad.Nested(func(expressions *netlink.AttributeDecoder) error {
				for expressions.Next() {
					expressions.Nested(func(expression *netlink.AttributeDecoder) error {
						needs = expressionNeedsConntrack(expression) || needs
						return nil
					})
				}
				return nil
			})
		}
	}
	return family, needs, ad.Err()
}

// expressionNeedsConntrack knows the expressions that hold a reference on
// conntrack (nf_ct_netns_get) while a rule has them.
func expressionNeedsConntrack(ad *netlink.AttributeDecoder) bool {
	var name, extension string
	for ad.Next() {
		switch ad.Type() {
		case unix.NFTA_EXPR_NAME:
			name = ad.String()
		case unix.NFTA_EXPR_DATA:
			ad.Nested(func(data *netlink.AttributeDecoder) error {
				for data.Next() {
					if data.Type() == unix.NFTA_MATCH_NAME { // NFTA_TARGET_NAME is the same number
						extension = data.String()
					}
				}
				return nil
			})
		}
	}
	switch name {
	case "ct", "nat", "masq", "redir", "connlimit", "flow_offload", "synproxy":
		return true
	case "match", "target": // an extension of iptables
		return extensionNeedsConntrack(extension)
	}
	return false
}

func extensionNeedsConntrack(name string) bool {
	switch name {
	case "conntrack", "state", "connmark", "connbytes", "connlimit", "connlabel", "helper", "cluster",
		"CT", "CONNMARK", "CONNSECMARK", "SNAT", "DNAT", "MASQUERADE", "REDIRECT", "NETMAP", "SYNPROXY":
		return true
	}
	return false
}

// othersMayUseConntrack reports whether something besides nftables can have the kernel
// track connections: tables of legacy iptables in this thread's namespace, IPVS, Open
// vSwitch or tc's action ct.
func othersMayUseConntrack() bool {
	for _, tables := range []string{"ip_tables_names", "ip6_tables_names"} {
		names, err := os.ReadFile("/proc/thread-self/net/" + tables)
		if !errors.Is(err, fs.ErrNotExist) && (err != nil || len(bytes.TrimSpace(names)) > 0) {
			return true
		}
	}
	for _, module := range []string{"/proc/thread-self/net/ip_vs", "/sys/module/openvswitch", "/sys/module/act_ct"} {
		if _, err := os.Stat(module); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}
