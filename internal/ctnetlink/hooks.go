package ctnetlink

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// ErrHooksUnknown says that the kernel cannot tell whether conntrack is in use:
// it has no nfnetlink_hook (CONFIG_NETFILTER_NETLINK_HOOK, Linux 5.14).
var ErrHooksUnknown = errors.New("the kernel cannot list netfilter hooks (no nfnetlink_hook)")

// Messages and attributes of nfnetlink_hook.
const (
	msgHookGet        = 0 // NFNL_MSG_HOOK_GET
	nfnlaHookNum      = 1 // NFNLA_HOOK_HOOKNUM
	nfnlaHookFunction = 4 // NFNLA_HOOK_FUNCTION_NAME
)

// HooksActive reports whether connections are tracked in the namespace, by
// family: conntrack hooks into the packet path only while a rule needs it.
//
// Where the kernel cannot list hooks, the nftables rules are searched for such
// that need conntrack. What they show is certain; if they do not show both
// families and something else that can use conntrack is there (legacy iptables,
// IPVS, Open vSwitch, tc), the error is [ErrHooksUnknown].
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
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  unix.NFNL_SUBSYS_HOOK<<8 | msgHookGet,
			Flags: netlink.Request | netlink.Dump,
		},
		Data: request,
	})
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return false, ErrHooksUnknown
	case err != nil:
		return false, fmt.Errorf("listing netfilter hooks: %w", err)
	}
	for _, reply := range replies {
		name, err := hookFunction(reply.Data)
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
func hookFunction(reply []byte) (string, error) {
	if len(reply) < nfgenmsgLen {
		return "", errTruncated
	}
	value, err := findAttribute(reply[nfgenmsgLen:], nfnlaHookFunction)
	return cString(value), err
}

// findAttribute returns the value of the first attribute of a kind, nil when
// there is none.
func findAttribute(b []byte, kind uint16) ([]byte, error) {
	for len(b) > 0 {
		k, value, rest, err := nextAttribute(b)
		if err != nil {
			return nil, err
		}
		if k == kind {
			return value, nil
		}
		b = rest
	}
	return nil, nil
}

// cString cuts a string off at its NUL.
func cString(b []byte) string {
	text, _, _ := bytes.Cut(b, []byte{0})
	return string(text)
}
