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
	reply := append([]byte{unix.NFPROTO_IPV4, 0, 0, 0}, attribute(nfnlaHookNum, 0, 0, 0, 0)...)
	name, err := hookFunction(reply)
	require.NoError(t, err)
	require.Empty(t, name)

	reply = append(reply, attribute(nfnlaHookFunction, []byte("ipv4_conntrack_in\x00")...)...)
	name, err = hookFunction(reply)
	require.NoError(t, err)
	require.Equal(t, "ipv4_conntrack_in", name)

	_, err = hookFunction(reply[:len(reply)-5])
	require.ErrorIs(t, err, errTruncated)
}
