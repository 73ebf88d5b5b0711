// Package printable makes text of others safe to show. A terminal obeys control
// characters, those of C0 (U+001B) as well as of C1 (U+009B), and what Unicode
// calls format characters hides text or turns its order around (U+202E): a name
// could look like another one, or like a line that was never said.
package printable

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Rune reports whether a character stands for itself: not a control or format
// character, and no line or paragraph separator.
func Rune(r rune) bool {
	return !unicode.IsControl(r) && !unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Is reports whether a text is UTF-8 and holds only characters that stand for
// themselves.
func Is(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return utf8.ValidString(s[i:]) && strings.IndexFunc(s[i:], hidden) < 0
		}
	}
	return true
}

func hidden(r rune) bool { return !Rune(r) }

// Line returns a text in one line. Line ends become spaces; other characters that
// do not stand for themselves, and bytes that are not UTF-8, are escaped as in Go:
// \x1b, \u202e.
func Line(s string) string {
	s = strings.TrimRight(s, "\r\n")
	if Is(s) {
		return s
	}
	s = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "\t", " ").Replace(s)
	var out strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		out.WriteString(escape(r, s[i:i+size]))
		i += size
	}
	return out.String()
}

// escape returns a character as Line shows it.
func escape(r rune, as string) string {
	switch {
	case r == utf8.RuneError && len(as) == 1:
		return fmt.Sprintf(`\x%02x`, as[0])
	case Rune(r):
		return as
	case r < 0x80:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
