package lines

import "bytes"

// syntax follows an entry of line protocol as far as it must to know whether a
// newline is in a string. A quote opens one only where a field's value begins:
// keys and tags may hold quotes, which Telegraf does not escape there.
type syntax struct {
	at      place
	escaped bool // the character before was a backslash that can change the next
}

type place byte

const (
	atStart  place = iota // before the measurement
	inTags                // in the measurement, or in tags
	inKey                 // in a field's key
	atValue               // behind its =
	inValue               // in a value that is no string
	inText                // in a string
	pastText              // behind its closing quote
	wrong                 // behind a string that something else follows
	done                  // behind the fields, or in a comment: no string follows
)

func (s *syntax) open() bool { return s.at == inText }

func (s *syntax) broken() bool { return s.at == wrong }

// line scans the rest of a line, or, as for nearly all lines, has no need to.
func (s *syntax) line(rest []byte) {
	if s.at != atStart || bytes.IndexByte(rest, '"') >= 0 {
		s.scan(rest)
	}
}

// newline is the end of a line in a string.
func (s *syntax) newline() { s.escaped = false }

func (s *syntax) scan(text []byte) {
	for _, c := range text {
		escaped := s.escaped
		switch s.at {
		case inTags, inKey:
			s.escaped = c == '\\' // also behind a backslash, which escapes none here
		case inText:
			s.escaped = c == '\\' && !escaped
		default:
			s.escaped, escaped = c == '\\' && s.at == atStart, false
		}
		if !escaped {
			s.at = s.at.next(c)
		}
	}
}

// next returns where an entry is after c.
func (p place) next(c byte) place {
	switch {
	case p == atStart && (c == ' ' || c == '\t'):
		return atStart
	case p == atStart && c == '#':
		return done
	case p == atStart:
		return inTags
	case p == inTags && c == ' ':
		return inKey
	case p == inKey && c == '=':
		return atValue
	case p == atValue && c == '"':
		return inText
	case p == atValue, p == inValue:
		return inValue.past(c)
	case p == inText && c == '"':
		return pastText
	case p == pastText:
		return wrong.past(c)
	}
	return p
}

// past returns where c leads to behind a value; it is p where a value cannot end
// with c.
func (p place) past(c byte) place {
	switch c {
	case ',':
		return inKey
	case ' ', '\r':
		return done
	}
	return p
}
