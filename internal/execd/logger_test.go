package execd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A message is one line, and whatever it quotes can neither move a terminal's
// cursor nor turn text around.
func TestLogLines(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"reading new/\x1b[2J\u009b2J\u202egpj.csv: no such file": `reading new/\x1b[2J\u009b2J\u202egpj.csv: no such file`,
		"pq: broken\nE! all is well\r\n":                         "pq: broken E! all is well",
		strings.Repeat("é", maxLogLine):                          strings.Repeat("é", maxLogLine/2) + "...",
	} {
		var out bytes.Buffer
		NewLogger(&out, &out, false).Warnf("%s", message)
		require.Equal(t, "W! "+want+"\n", out.String())
	}
}
