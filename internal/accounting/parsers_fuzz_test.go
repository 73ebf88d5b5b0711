package accounting

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever a mask is, it is refused, or keeps IPv4 addresses what they are, and
// groups a group as itself.
func FuzzMask(f *testing.F) {
	for _, s := range []string{"24", "/0", " 255.239.255.0 ", "255.255.255.0/24", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMask4(s)
		if err != nil {
			return
		}
		group := m.apply(v4(10, 99, 77, 33))
		require.True(t, group.Is4(), s)
		require.Equal(t, group, m.apply(group), s)
		require.GreaterOrEqual(t, m.finest(), 96, s)
	})
}

// Whatever a network is written like, it is refused, or is one that comes back as
// it was. What is meant by a netmask is a network.
func FuzzPrefix(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", " 10.0.0.1 ", "2001:db8::/32", "10.1.0.0/255.0.0.0", "::ffff:10.0.0.0/104", "fe80::1%eth0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		prefix, err := ParsePrefix(s)
		if err == nil {
			again, err := ParsePrefix(prefix.String())
			require.NoError(t, err)
			require.Equal(t, prefix, again)
			return
		}
		if hint := meant(strings.TrimSpace(s)); strings.Contains(hint, "did you mean") {
			var text string
			_, err := fmt.Sscanf(hint, ": did you mean %q?", &text)
			require.NoError(t, err)
			_, err = ParsePrefix(text)
			require.NoError(t, err, hint)
		}
	})
}

// Whatever group_by holds, it is refused, or each port lies in the range that
// its tag tells.
func FuzzGroupBy(f *testing.F) {
	f.Add("zone mark/0xff family source_port_range/1024", uint16(2049))
	f.Add("source_port_range", uint16(49152))
	f.Add("mark/0 zone zone source_port_range/0", uint16(0))
	f.Fuzz(func(t *testing.T, keys string, port uint16) {
		g, err := ParseGroupBy(strings.Fields(keys))
		if err != nil || g.SourcePorts == 0 {
			return
		}
		var first, last int
		_, err = fmt.Sscanf(g.rangeText(g.firstPort(port)), "%d-%d", &first, &last)
		require.NoError(t, err)
		require.LessOrEqual(t, first, int(port))
		require.GreaterOrEqual(t, last, int(port))
	})
}
