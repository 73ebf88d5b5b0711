package summary

import (
	"testing"

	"github.com/stretchr/testify/require"
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
