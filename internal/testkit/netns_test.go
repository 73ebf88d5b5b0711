package testkit

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNetns(t *testing.T) {
	Need(t, "ip", "nft", "ping")
	a, b := NewNetns(t), NewNetns(t)
	a.TrackAll(t)
	a.Sysctl(t, "nf_conntrack_acct", 1)
	a.Nft(t, `table inet count {
		counter echo { }
		chain out {
			type filter hook output priority filter;
			meta l4proto { icmp, ipv6-icmp } ct state new counter name echo
		}
	}`)
	Link(t, a, b, []string{"10.9.0.1/24", "fd09::1/64"}, []string{"10.9.0.2/24", "fd09::2/64"})
	b.Local(t, "10.40.0.0/16")
	b.Local(t, "fd40::/64")
	a.Route(t, "10.40.0.0/16", "10.9.0.2")
	a.Route(t, "fd40::/64", "fd09::2")

	a.Exec(t, "ping", "-c1", "-W5", "10.40.1.2")
	a.Exec(t, "ping", "-c1", "-W5", "fd40::7")

	echo := a.Counters(t)["echo"]
	require.GreaterOrEqual(t, echo.Packets, uint64(2))
	require.GreaterOrEqual(t, echo.Bytes, uint64(84+104))

	var value []byte
	require.NoError(t, a.Do(func() (err error) {
		value, err = os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_acct")
		return err
	}))
	require.Equal(t, "1", strings.TrimSpace(string(value)))
}
