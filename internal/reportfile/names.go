package reportfile

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"telegraf-conntrack-accounting/internal/printable"
)

// maxText bounds a name, in bytes.
const maxText = 255

// CleanName makes of what somebody calls an address a name that can be written,
// stored and shown on a terminal: control characters, and those that hide or
// reorder text, become spaces, bytes that are not UTF-8 become U+FFFD, white space
// at the ends and what exceeds 255 bytes goes. A bad name must not cost the row
// that carries it.
func CleanName(s string) string {
	if isClean(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if printable.Rune(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, "\ufffd"))
	s = strings.TrimSpace(s)
	if len(s) > maxText {
		end := maxText
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = strings.TrimSpace(s[:end])
	}
	return s
}

// isClean spares most names the work.
func isClean(s string) bool {
	if s == "" {
		return true
	}
	if len(s) > maxText || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	return s[0] < utf8.RuneSelf && s[len(s)-1] < utf8.RuneSelf && printable.Is(s)
}

// readNames reads the columns after the twelfth.
func (r *Reader) readNames(text []byte, row *Row) (err error) {
	rest, more := text, true
	columns := maxColumns
	for _, name := range [...]struct {
		column string
		to     *string
	}{{"src_name", &row.SrcName}, {"dst_name", &row.DstName}} {
		if !more {
			return columnsError(columns)
		}
		var field []byte
		if field, rest, more, err = r.cutField(rest); err != nil {
			return fmt.Errorf("%s %w", name.column, err)
		}
		*name.to, _ = r.names.get(field) // every name can be cleaned
		columns++
	}
	if more {
		return columnsError(columns + bytes.Count(rest, []byte{','}) + 1)
	}
	return nil
}

func columnsError(n int) error {
	return fmt.Errorf("has %d columns, not %d, %d or %d", n, minColumns, maxColumns, maxColumns+2)
}

// cutField cuts the first field, which may be quoted, off a text. It is good
// until the next call.
func (r *Reader) cutField(text []byte) (field, rest []byte, more bool, err error) {
	if len(text) == 0 || text[0] != '"' {
		field, rest, more = bytes.Cut(text, []byte{','})
		if bytes.IndexByte(field, '"') >= 0 {
			err = errQuotes
		}
		return field, rest, more, err
	}
	r.quoted, rest = r.quoted[:0], text[1:]
	for {
		part, after, closed := bytes.Cut(rest, []byte{'"'})
		if !closed {
			return nil, nil, false, errQuotes
		}
		r.quoted, rest = append(r.quoted, part...), after
		switch {
		case len(rest) == 0:
			return r.quoted, nil, false, nil
		case rest[0] == ',':
			return r.quoted, rest[1:], true, nil
		case rest[0] != '"':
			return nil, nil, false, errQuotes
		}
		r.quoted, rest = append(r.quoted, '"'), rest[1:] // a quote stands twice
	}
}
