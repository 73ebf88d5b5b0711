package summary

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
)

func TestLabelsAreCut(t *testing.T) {
	for label, want := range map[string]string{
		"":                                  "",
		"10.32.1.0":                         "10.32.1.0",
		"2001:db8:aaaa:bbbb:cccc::":         "2001:db8:aaaa:bbbb:cccc::",
		"Web (10.32.1.0)":                   "Web (10.32.1.0)",
		"Research (2nd floor) (10.32.1.0)":  "Research… (10.32.1.0)",
		"Übungsräume der Physik (10.1.1.0)": "Übungsräum… (10.1.1.0)",
		"Lab (2001:db8:aaaa:bbbb:cccc::)":   "L… (2001:db8:aaaa:bbbb:cccc::)",
	} {
		require.Equal(t, want, short(label, 22))
	}
}

// The database may hold what other programs wrote into it.
func TestTablesObeyNoName(t *testing.T) {
	bad := "a\x1b[2J\u009b\u202eb"
	total := []store.Total{{Name: bad}}
	s := &Summary{
		Filter: store.Filter{Src: []string{bad}}, Total: store.Total{Name: "all"},
		Sources: total, Destinations: total, Services: total, Pairs: []store.Pair{{SrcName: bad, DstName: bad}},
	}
	var out strings.Builder
	require.NoError(t, s.Print(&out, 0))
	require.Equal(t, 6, strings.Count(out.String(), `a\x1b[2J\u009b\u202eb`), out.String())
	require.False(t, strings.ContainsAny(out.String(), "\x1b\u009b\u202e"))
}
