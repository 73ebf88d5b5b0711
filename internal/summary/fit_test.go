package summary

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
)

// labelled has rows of names of any kind.
func labelled(sort string, names ...string) *Summary {
	open := 12.0
	sums := store.Sums{SrcBytes: 123e6, DstBytes: 456e9, SrcPackets: 1e6, DstPackets: 2e6, ConnectionCount: 1.5e6, ConnectionTimes: 3e9, OpenConnections: &open}
	s := &Summary{Filter: store.Filter{Sort: sort}, Total: store.Total{Name: "total", Sums: sums}}
	for _, name := range names {
		s.Sources = append(s.Sources, store.Total{Name: name, Sums: sums})
		for _, other := range names {
			s.Pairs = append(s.Pairs, store.Pair{SrcName: name, DstName: other, Sums: sums})
		}
	}
	return s
}

// Lines of a table are of one width, and no wider than there is room.
func TestTablesFit(t *testing.T) {
	short := []string{"10.32.1.0", "192.168.100.0/24", "all others"}
	long := []string{
		"2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff", "研究室の東側の建物 (2001:db8:aaaa:bbbb::/64)", "Übungsräume der Physik, zweiter Stock (10.1.1.0)",
		"a\x1b[2J\u009b\u202eb (10.1.2.0)", "e\u0301te\u0301 (10.1.3.0)", "👍🏽 (10.1.4.0)", "all others",
	}
	for _, test := range []struct {
		names       []string
		width       int
		sort        string
		has, hasNot string // columns
	}{
		{short, 0, "", "traffic share sent received packets connections lifetime", "open"},
		{short, 200, "open", "traffic lifetime open", ""},
		{short, 80, "", "traffic share connections", "lifetime"},
		{short, 80, "packets", "traffic packets", "lifetime"},
		{short, 50, "connections", "traffic connections", "lifetime share"},
		{long, 0, "", "traffic lifetime", ""},
		{long, 80, "", "traffic share", "lifetime"},
		{long, 78, "connections", "traffic share connections", "packets"},
	} {
		var out strings.Builder
		require.NoError(t, labelled(test.sort, test.names...).Print(&out, test.width))
		blocks := strings.Split(out.String(), "\n\n")
		for _, block := range blocks {
			lines := strings.Split(strings.TrimSpace(block), "\n")
			for _, line := range lines {
				if test.width > 0 {
					require.LessOrEqual(t, text.StringWidthWithoutEscSequences(line), test.width, out.String())
				}
				if strings.ContainsAny(line, "│┌├└") {
					require.Equal(t, text.StringWidthWithoutEscSequences(lines[1]), text.StringWidthWithoutEscSequences(line), out.String())
				}
			}
		}
		_, pairs, _ := strings.Cut(out.String(), "Top pairs")
		pairs, _, _ = strings.Cut(pairs, "Top ports")
		for _, column := range strings.Fields(test.has) {
			require.Contains(t, pairs, column+" │", "%+v", test)
		}
		for _, column := range strings.Fields(test.hasNot) {
			require.NotContains(t, pairs, " "+column+" │", "%+v", test)
		}
		if strings.Contains(test.hasNot, "lifetime") {
			require.Regexp(t, fmt.Sprintf(`\nOf %d columns there is no room for: [\w, \n]*lifetime\n$`, test.width), out.String())
		}
		for _, name := range test.names {
			if at := strings.LastIndex(name, " ("); at > 0 {
				require.Contains(t, out.String(), name[at:], "addresses stay whole")
			}
		}
		require.False(t, strings.ContainsAny(out.String(), "\x1b\u009b\u202e"))
	}
}

func TestManyValuesAreCounted(t *testing.T) {
	require.Equal(t, "a, b", enumerated([]string{"a", "b"}))
	require.Equal(t, "1, 2, 3, 4, 5 and 3 others", enumerated(strings.Split("12345678", "")))
}
