package printable_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/printable"
)

func TestLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"Übungsräume, 2. Stock":  "Übungsräume, 2. Stock",
		"研究室\u3000東":             "研究室\u3000東", // a wide space is a space
		"a\nb\r\nc\td\n":         "a b c d",
		"\x1b[2J\a":              `\x1b[2J\x07`,
		"a\u009b31mb\x7f":        `a\u009b31mb\x7f`,
		"abc\u202egpj.exe":       `abc\u202egpj.exe`,
		"\ufeffa\u200bb\u2028c":  `\ufeffa\u200bb\u2028c`,
		"tag \U000e0041":         `tag \U000e0041`,
		"\xff\xc3":               `\xff\xc3`,
		"that is \ufffd, itself": "that is \ufffd, itself",
	} {
		require.Equal(t, want, printable.Line(text), "%q", text)
		require.Equal(t, want == text, printable.Is(text), "%q", text)
	}
}

func FuzzLine(f *testing.F) {
	f.Add("a\nb\x1b\u009b\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		line := printable.Line(s)
		require.True(t, printable.Is(line), "%q", line)
		require.Equal(t, line, printable.Line(line))
		if printable.Is(s) && utf8.ValidString(s) {
			require.Equal(t, s, line)
		}
		require.False(t, strings.ContainsAny(line, "\r\n"))
	})
}
