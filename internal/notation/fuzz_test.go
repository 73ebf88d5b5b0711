package notation

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
)

// Whatever a mask is, it is refused, or keeps IPv4 addresses what they are.
func FuzzMask(f *testing.F) {
	for _, s := range []string{"24", "/0", " 255.239.255.0 ", "255.255.255.0/24", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := IPv4Mask(s)
		if err != nil {
			return
		}
		require.Equal(t, accounting.PrefixMask(mapped), accounting.Mask(append(m[:mapped/8:mapped/8], 0, 0, 0, 0)), s)
	})
}

// Whatever a network is written like, it is refused, or is one that comes back as
// it was. What is meant by a netmask is a network.
func FuzzPrefix(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", " 10.0.0.1 ", "2001:db8::/32", "10.1.0.0/255.0.0.0", "::ffff:10.0.0.0/104", "fe80::1%eth0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		prefix, err := Prefix(s)
		if err == nil {
			again, err := Prefix(prefix.String())
			require.NoError(t, err)
			require.Equal(t, prefix, again)
			return
		}
		if hint := meant(strings.TrimSpace(s)); strings.Contains(hint, "did you mean") {
			var text string
			_, err := fmt.Sscanf(hint, ": did you mean %q?", &text)
			require.NoError(t, err)
			_, err = Prefix(text)
			require.NoError(t, err, hint)
		}
	})
}

// Whatever group_by holds, it is refused, or names keys that can tell series apart.
func FuzzGroupBy(f *testing.F) {
	f.Add("zone mark/0xff family source_port_range/1024")
	f.Add("source_port_range")
	f.Add("mark/0 zone zone source_port_range/0")
	f.Fuzz(func(t *testing.T, text string) {
		keys := strings.Fields(text)
		g, err := GroupBy(keys)
		if err != nil {
			return
		}
		named := 0
		for _, key := range []bool{g.Zone, g.Family, g.MarkMask != 0, g.SourcePorts != 0} {
			if key {
				named++
			}
		}
		require.Len(t, keys, named)
		require.True(t, g.SourcePorts >= accounting.PortRanges && g.SourcePorts <= 32_768, g.SourcePorts)
	})
}
