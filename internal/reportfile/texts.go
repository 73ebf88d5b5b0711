package reportfile

import (
	"errors"
	"net/netip"
	"strconv"
)

var (
	errProto   = errors.New("is neither the name of a protocol nor its number, 0 to 255")
	errAddress = errors.New("is neither an address nor a prefix")
)

// checkAddress says why a text cannot be a src or dst, or returns nil. What it
// lets pass Postgres casts to inet, which readers do: one that is something else
// would break their queries over all rows.
func checkAddress(s string) error {
	if s == "" {
		return errEmpty
	}
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return nil
	}
	if _, err := netip.ParsePrefix(s); err == nil {
		return nil
	}
	return errAddress
}

// maxProto bounds the name of a protocol; IANA's longest has 15 letters.
const maxProto = 32

// checkProto says why a text cannot be a proto, or returns nil. The kernel knows
// numbers, and every tool has its own names for them: a name is anything that
// looks like one.
func checkProto(s string) error {
	if s == "" {
		return errEmpty
	}
	if n, err := strconv.ParseUint(s, 10, 8); err == nil && s == strconv.FormatUint(n, 10) {
		return nil
	}
	if len(s) > maxProto || !isLetter(s[0]) {
		return errProto
	}
	for i := range len(s) {
		switch c := s[i]; {
		case isLetter(c), '0' <= c && c <= '9', c == '-', c == '_', c == '+':
		default:
			return errProto
		}
	}
	return nil
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// texts are the texts of one kind that a file holds: the same few over and over.
type texts struct {
	clean func(string) (string, error)
	known map[string]string // by what is in the file
}

func newTexts(clean func(string) (string, error)) texts {
	return texts{clean, make(map[string]string)}
}

// checked leaves texts as they are when they pass a check.
func checked(check func(string) error) func(string) (string, error) {
	return func(s string) (string, error) { return s, check(s) }
}

// maxKnown keeps a hostile file from filling memory.
const maxKnown = 1 << 16

// get returns b as a text of a row, the same one each time, and says why it cannot be
// one. What a text is worth is found out once.
func (t *texts) get(b []byte) (string, error) {
	if s, ok := t.known[string(b)]; ok {
		return s, nil
	}
	given := string(b)
	s, err := t.clean(given)
	if err != nil {
		return "", err
	}
	if len(t.known) >= maxKnown {
		clear(t.known)
	}
	t.known[given] = s
	return s, nil
}
