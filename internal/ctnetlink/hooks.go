package ctnetlink

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrHooksUnknown means that the kernel cannot report whether conntrack is in use: it has
// no nfnetlink_hook (CONFIG_NETFILTER_NETLINK_HOOK, Linux 5.14).
var ErrHooksUnknown = errors.New("the kernel cannot list netfilter hooks (no nfnetlink_hook)")

// Messages and attributes of nfnetlink_hook.
const (
	msgHookGet        = 0 // NFNL_MSG_HOOK_GET
	nfnlaHookNum      = 1 // NFNLA_HOOK_HOOKNUM
	nfnlaHookFunction = 4 // NFNLA_HOOK_FUNCTION_NAME
)

// HooksActive reports, by family, whether the namespace tracks connections: conntrack
// hooks into the packet path only while a rule needs it.
//
// Where the kernel cannot list hooks, HooksActive looks for nftables rules that need
// conntrack. A family that has such a rule is certainly tracked. For any other, the
// error is [ErrHooksUnknown] if something else that can use conntrack is there (legacy
// iptables, IPVS, Open vSwitch, tc).
func HooksActive(ns *Namespace) (ipv4, ipv6 bool, err error) {
	err = ns.Do(func() error {
		conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			return err
		}
		ipv4, ipv6, err = hooks(conn)
		if errors.Is(err, ErrHooksUnknown) {
			if ipv4, ipv6, err = rulesNeedConntrack(conn); err == nil && (!ipv4 || !ipv6) && othersMayUseConntrack() {
				err = ErrHooksUnknown
			}
		}
		return errors.Join(err, conn.Close())
	})
	if err != nil {
		err = fmt.Errorf("finding out whether connections are tracked: %w", explain(err))
	}
	return ipv4, ipv6, err
}

func hooks(conn *netlink.Conn) (ipv4, ipv6 bool, err error) {
	if ipv4, err = hooked(conn, unix.NFPROTO_IPV4, "ipv4_conntrack_in"); err != nil {
		return false, false, err
	}
	ipv6, err = hooked(conn, unix.NFPROTO_IPV6, "ipv6_conntrack_in")
	return ipv4, ipv6, err
}

// hooked reports whether a kernel function sits in a family's prerouting hook.
func hooked(conn *netlink.Conn, family uint8, function string) (bool, error) {
	request := appendUint32([]byte{family, unix.NFNETLINK_V0, 0, 0}, nfnlaHookNum, unix.NF_INET_PRE_ROUTING)
	replies, err := list(conn, unix.NFNL_SUBSYS_HOOK<<8|msgHookGet, request)
	if errors.Is(err, errNoSubsystem) {
		return false, ErrHooksUnknown
	}
	if err != nil {
		return false, fmt.Errorf("listing netfilter hooks: %w", err)
	}
	for _, reply := range replies {
		name, err := hookFunction(reply)
		if err != nil {
			return false, fmt.Errorf("listing netfilter hooks: %w", err)
		}
		switch name {
		case function:
			return true, nil
		case "":
			return false, ErrHooksUnknown // a kernel without CONFIG_KALLSYMS
		}
	}
	return false, nil
}

// hookFunction returns the name of the function that a reply describes, without
// its module.
func hookFunction(reply netlink.Message) (name string, err error) {
	_, ad, err := attributes(reply)
	if err != nil {
		return "", err
	}
	for ad.Next() {
		if ad.Type() == nfnlaHookFunction {
			name = ad.String()
		}
	}
	return name, ad.Err()
}
