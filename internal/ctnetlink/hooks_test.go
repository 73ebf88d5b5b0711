package ctnetlink

import (
	"errors"
	"testing"

	"github.com/mdlayher/netlink"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

func TestHooksActive(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "ip", "nft")
	tests := []struct {
		name       string
		ruleset    string
		ipv4, ipv6 bool
	}{
		{"no rules", "", false, false},
		{"rules without conntrack", "table inet t { chain c { type filter hook input priority filter; tcp dport 22 accept; }; }", false, false},
		{"IPv4", "table ip t { chain c { type filter hook input priority filter; ct state new accept; }; }", true, false},
		{"IPv6", "table ip6 t { chain c { type filter hook input priority filter; ct state new accept; }; }", false, true},
		{"both", "table inet t { chain c { type filter hook input priority filter; tcp dport 22 ct state new accept; }; }", true, true},
		{"NAT", "table ip t { chain c { type nat hook postrouting priority srcnat; masquerade; }; }", true, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			n := testkit.NewNetns(t)
			n.Nft(t, test.ruleset)
			ipv4, ipv6, err := HooksActive(open(t, n.Name))
			if errors.Is(err, ErrHooksUnknown) {
				require.False(t, test.ipv4 && test.ipv6, "nothing is unknown when both are proved")
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, test.ipv4, ipv4)
			require.Equal(t, test.ipv6, ipv6)

			// The rules alone must tell the same.
			require.NoError(t, n.Do(func() error {
				conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
				if err != nil {
					return err
				}
				ipv4, ipv6, err = rulesNeedConntrack(conn)
				return errors.Join(err, conn.Close())
			}))
			require.Equal(t, test.ipv4, ipv4)
			require.Equal(t, test.ipv6, ipv6)
		})
	}
}

func TestHookFunction(t *testing.T) {
	t.Parallel()
	reply := netlink.Message{Data: message(unix.NFPROTO_IPV4, attribute(nfnlaHookNum, 0, 0, 0, 0))}
	name, err := hookFunction(reply)
	require.NoError(t, err)
	require.Empty(t, name)

	reply.Data = append(reply.Data, text(nfnlaHookFunction, "ipv4_conntrack_in")...)
	name, err = hookFunction(reply)
	require.NoError(t, err)
	require.Equal(t, "ipv4_conntrack_in", name)

	reply.Data = reply.Data[:len(reply.Data)-5]
	_, err = hookFunction(reply)
	require.ErrorContains(t, err, "invalid attribute")
}

const getHooks = unix.NFNL_SUBSYS_HOOK<<8 | msgHookGet

func TestCannedHooks(t *testing.T) {
	t.Parallel()
	hook := func(name string) []byte { return message(unix.NFPROTO_IPV4, text(nfnlaHookFunction, name)) }
	active, err := hooked(canned(t, getHooks, hook("selinux"), hook("ipv4_conntrack_in")), unix.NFPROTO_IPV4, "ipv4_conntrack_in")
	require.NoError(t, err)
	require.True(t, active)
	active, err = hooked(canned(t, getHooks, hook("selinux")), unix.NFPROTO_IPV4, "ipv4_conntrack_in")
	require.NoError(t, err)
	require.False(t, active)

	_, _, err = hooks(canned(t, getHooks, hook("")))
	require.ErrorIs(t, err, ErrHooksUnknown, "a kernel without names")
	_, _, err = hooks(refusing(t, unix.EINVAL))
	require.ErrorIs(t, err, ErrHooksUnknown, "a kernel without nfnetlink_hook")
	_, _, err = hooks(refusing(t, unix.EPERM))
	require.ErrorIs(t, err, unix.EPERM)
	_, _, err = hooks(canned(t, getHooks, []byte{0}))
	require.ErrorIs(t, err, errTruncated)
	ipv4, ipv6, err := hooks(canned(t, getHooks, hook("ipv4_conntrack_in")))
	require.NoError(t, err)
	require.True(t, ipv4)
	require.False(t, ipv6)
}

// Rules of iptables-nft need conntrack through an extension.
func TestCannedRules(t *testing.T) {
	t.Parallel()
	rule := func(family uint8, expressions ...[]byte) []byte {
		return message(family, nested(unix.NFTA_RULE_EXPRESSIONS, expressions...))
	}
	expression := func(name string, data ...[]byte) []byte {
		return nested(unix.NFTA_LIST_ELEM, text(unix.NFTA_EXPR_NAME, name), nested(unix.NFTA_EXPR_DATA, data...))
	}
	for name, c := range map[string]struct {
		reply      []byte
		ipv4, ipv6 bool
	}{
		"extension state":   {rule(unix.NFPROTO_IPV4, expression("counter"), expression("match", text(unix.NFTA_MATCH_NAME, "state"))), true, false},
		"target MASQUERADE": {rule(unix.NFPROTO_IPV6, expression("target", text(unix.NFTA_TARGET_NAME, "MASQUERADE"))), false, true},
		"extension comment": {rule(unix.NFPROTO_IPV4, expression("match", text(unix.NFTA_MATCH_NAME, "comment"))), false, false},
		"flow offload":      {rule(unix.NFPROTO_INET, expression("flow_offload")), true, true},
		"another family":    {rule(unix.NFPROTO_BRIDGE, expression("ct")), false, false},
		"no expressions":    {message(unix.NFPROTO_INET), false, false},
	} {
		ipv4, ipv6, err := rulesNeedConntrack(canned(t, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETRULE, c.reply))
		require.NoError(t, err, name)
		require.Equal(t, []bool{c.ipv4, c.ipv6}, []bool{ipv4, ipv6}, name)
	}

	ipv4, ipv6, err := rulesNeedConntrack(refusing(t, unix.EOPNOTSUPP))
	require.NoError(t, err)
	require.False(t, ipv4 || ipv6, "a kernel without nf_tables")
	_, _, err = rulesNeedConntrack(refusing(t, unix.EPERM))
	require.ErrorIs(t, err, unix.EPERM)
	whole := rule(unix.NFPROTO_INET, expression("match", text(unix.NFTA_MATCH_NAME, "state")))
	for want, damaged := range map[string][][]byte{
		"truncated":         {{0}},
		"invalid attribute": {whole[:len(whole)-1], rule(unix.NFPROTO_INET, []byte{1})},
	} {
		for _, reply := range damaged {
			_, _, err = rulesNeedConntrack(canned(t, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETRULE, reply))
			require.ErrorContains(t, err, want)
		}
	}
}
