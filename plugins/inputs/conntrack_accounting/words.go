package conntrack_accounting

import (
	"fmt"
	"strconv"
	"strings"
)

// Word is a string that may also be written as a whole number, without quotes:
// source_mask = 24.
type Word string

// UnmarshalText is also called for numbers, with their digits.
func (w *Word) UnmarshalText(text []byte) error {
	*w = Word(text)
	return nil
}

// Length is a prefix length, which may also be written as masks are: "/64".
type Length int

// UnmarshalText is also called for numbers, with their digits.
func (l *Length) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(string(text)), "/"))
	if err != nil {
		return fmt.Errorf("%q is not an IPv6 prefix length: want 0 to 128", text)
	}
	*l = Length(n)
	return nil
}
