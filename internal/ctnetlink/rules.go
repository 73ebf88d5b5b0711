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
	rules, err := conn.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETRULE,
			Flags: netlink.Request | netlink.Dump,
		},
		Data: []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, 0},
	})
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return false, false, nil // no nf_tables, no rules
	case err != nil:
		return false, false, fmt.Errorf("listing nftables rules: %w", err)
	}
	for _, rule := range rules {
		if len(rule.Data) < nfgenmsgLen {
			return false, false, fmt.Errorf("listing nftables rules: %w", errTruncated)
		}
		needs, err := ruleNeedsConntrack(rule.Data[nfgenmsgLen:])
		if err != nil {
			return false, false, fmt.Errorf("listing nftables rules: %w", err)
		}
		family := rule.Data[0]
		ipv4 = ipv4 || needs && (family == unix.NFPROTO_INET || family == unix.NFPROTO_IPV4)
		ipv6 = ipv6 || needs && (family == unix.NFPROTO_INET || family == unix.NFPROTO_IPV6)
	}
	return ipv4, ipv6, nil
}

func ruleNeedsConntrack(rule []byte) (bool, error) {
	expressions, err := findAttribute(rule, unix.NFTA_RULE_EXPRESSIONS)
	if err != nil {
		return false, err
	}
	for len(expressions) > 0 {
		_, expression, rest, err := nextAttribute(expressions)
		if err != nil {
			return false, err
		}
		needs, err := expressionNeedsConntrack(expression)
		if needs || err != nil {
			return needs, err
		}
		expressions = rest
	}
	return false, nil
}

// expressionNeedsConntrack knows the expressions that hold a reference on
// conntrack (nf_ct_netns_get) while a rule has them.
func expressionNeedsConntrack(expression []byte) (bool, error) {
	name, err := findAttribute(expression, unix.NFTA_EXPR_NAME)
	if err != nil {
		return false, err
	}
	switch cString(name) {
	case "ct", "nat", "masq", "redir", "connlimit", "flow_offload", "synproxy":
		return true, nil
	case "match", "target": // an extension of iptables
		data, err := findAttribute(expression, unix.NFTA_EXPR_DATA)
		if err != nil {
			return false, err
		}
		// NFTA_MATCH_NAME and NFTA_TARGET_NAME are the same number.
		extension, err := findAttribute(data, unix.NFTA_MATCH_NAME)
		return extensionNeedsConntrack(cString(extension)), err
	}
	return false, nil
}

func extensionNeedsConntrack(name string) bool {
	switch name {
	case "conntrack", "state", "connmark", "connbytes", "connlimit", "connlabel", "helper", "cluster",
		"CT", "CONNMARK", "CONNSECMARK", "SNAT", "DNAT", "MASQUERADE", "REDIRECT", "NETMAP", "SYNPROXY":
		return true
	}
	return false
}

// othersMayUseConntrack reports whether there is what else has the kernel track
// connections, as far as its files tell: tables of legacy iptables in this thread's
// namespace, IPVS, Open vSwitch or tc's action ct.
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
