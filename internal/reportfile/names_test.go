package reportfile_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

const plain = "1500000000000000000,tcp,10.32.1.0,10.33.0.0,443,1,2,3,4,5,6"

// Names come back unchanged, whatever is in them, and cost no column where
// there are none.
func TestNamesComeBackUnchanged(t *testing.T) {
	for columns, want := range map[string][2]string{
		",,Library,Data centre":                  {"Library", "Data centre"},
		",,Library,":                             {"Library", ""},
		",,,Data centre":                         {"", "Data centre"},
		`,7,"Campus, IPv6","""R&D"" (2nd)"`:      {"Campus, IPv6", `"R&D" (2nd)`},
		`,7,O'Neil \\ Söhne #1 = x,"a"",""b"`:    {`O'Neil \\ Söhne #1 = x`, `a","b`},
		`,0,"""",` + strings.Repeat("é", 127):    {`"`, strings.Repeat("é", 127)},
		",," + strings.Repeat("x", 255) + ",→ b": {strings.Repeat("x", 255), "→ b"},
	} {
		rows, bad := readAll(t, plain+columns+"\n"+plain+"\n"+plain+columns+"\r\n")
		require.Empty(t, bad, columns)
		require.Len(t, rows, 3)
		require.Equal(t, want, [2]string{rows[0].SrcName, rows[0].DstName})
		require.Equal(t, !strings.HasPrefix(columns, ",,"), rows[0].HasOpen, columns)
		require.Equal(t, rows[0], rows[2])
		require.Equal(t, plain+columns+"\n", string(reportfile.Append(nil, &rows[0])))
		require.Equal(t, plain+"\n", string(reportfile.Append(nil, &rows[1])), "a row without names after one that has them")
		require.NoError(t, rows[0].Check())
	}
}

// A bad name does not cost the row that carries it.
func TestNamesAreCleaned(t *testing.T) {
	long := strings.Repeat("é", 200)
	for name, want := range map[string]string{
		"":                "",
		" ":               "",
		"\x00":            "",
		" a  b ":          "a  b",
		"a\tb\x1b[2J":     "a b [2J",
		"a\u009bb":        "a b",
		"a\u202eb\ufeff":  "a b",
		"\xff\xfe":        "\ufffd",
		"a\xc3":           "a\ufffd",
		long:              long[:254],
		"a" + long:        "a" + long[:254],
		long[:254] + " b": long[:254],
	} {
		got := reportfile.CleanName(name)
		require.Equal(t, want, got, "%q", name)
		require.Equal(t, got, reportfile.CleanName(got))
		require.True(t, utf8.ValidString(got))
		if strings.ContainsAny(name, "\n") {
			continue
		}
		rows, bad := readAll(t, plain+",7,"+name+","+name+"\n")
		require.Empty(t, bad)
		require.Equal(t, want, rows[0].SrcName)
		require.Equal(t, want, rows[0].DstName)
	}
	row := extreme()
	row.DstName = "a\nb"
	require.EqualError(t, row.Check(), "dst_name is not as CleanName makes names")
}
