package reportfile

import (
	"bytes"
	"math"
	"strconv"
)

// columns are those of a line that are not read yet.
type columns struct {
	rest []byte
	more bool
}

// next returns the next column.
func (c *columns) next() (text []byte) {
	text, c.rest, c.more = bytes.Cut(c.rest, []byte{','})
	return text
}

// number reads a decimal number, the next column. It is stricter than
// strconv.ParseInt, which would take a leading plus sign.
func (c *columns) number() (int64, error) {
	const safe = 19 // so many digits fit 64 bits
	text := c.rest
	begin, sum := 0, uint64(0)
	if len(text) > 0 && text[0] == '-' {
		begin = 1
	}
	n := begin
	for ; n < len(text) && text[n] != ','; n++ {
		digit := text[n] - '0'
		if digit > 9 {
			return 0, errNumber
		}
		sum = sum*10 + uint64(digit)
	}
	c.rest, c.more = text[min(n+1, len(text)):], n < len(text)
	switch {
	case n == begin:
		return 0, errNumber
	case n-begin > safe || sum > math.MaxInt64:
		value, err := strconv.ParseInt(string(text[:n]), 10, 64)
		if err != nil {
			return 0, errRange
		}
		return value, nil
	case begin > 0:
		return -int64(sum), nil
	}
	return int64(sum), nil
}
