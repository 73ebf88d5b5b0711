package reportfile

import "fmt"

// minBytes is what a packet has at least: the header of IPv4.
const minBytes = 20

// Thin counts rows with fewer bytes than their packets must have. They prove nothing,
// but where a file has its columns in another order they show.
type Thin struct {
	Rows int
	Line int // of the first
}

func (t *Thin) look(row *Row, line int) {
	if row.SrcBytes >= row.SrcPackets*minBytes && row.DstBytes >= row.DstPackets*minBytes {
		return
	}
	if t.Rows++; t.Rows == 1 {
		t.Line = line
	}
}

// Warning says that a file has such rows, and what they may come of. It is empty where
// there are none.
func (t Thin) Warning(file string) string {
	if t.Rows == 0 {
		return ""
	}
	return fmt.Sprintf("%d rows of %s have fewer than %d bytes a packet, line %d the first: are its columns in another order? They are %s",
		t.Rows, file, minBytes, t.Line, order)
}

// Thin returns what was found of that.
func (r *Reader) Thin() Thin { return r.thin }
