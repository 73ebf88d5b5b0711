package statefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

// version is raised whenever the layout of the file or of a body changes.
const version = 3

// The header. All numbers are little-endian.
//
//	 0  magic (8 bytes)
//	 8  version (4)
//	12  checksum (4): CRC-32C of all that follows the header
//	16  length of what follows the header (8)
//	24  mark: when the state was superseded, in ns since the epoch, 0 for
//	    never (8), and the same with all bits inverted (8)
//	40  ends
const (
	magic      = "ctstate\n"
	markAt     = 24
	headerSize = 40
)

var (
	// ErrDamaged means that a file is not as it was written.
	ErrDamaged = errors.New("it is damaged")

	// ErrForeign means that a file is not a state, and must not be overwritten.
	ErrForeign = errors.New("it is a file of something else, not a state")

	// ErrVersion means that another version of the program wrote the file.
	ErrVersion = errors.New("another version of the program wrote it")
)

type header struct {
	checksum   uint32
	length     int64
	superseded int64
}

func (h *header) encode() []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, h.checksum)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.length))
	return append(b, encodeMark(h.superseded)...)
}

func encodeMark(ns int64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(ns))
	return binary.LittleEndian.AppendUint64(b, ^uint64(ns))
}

func readHeader(r io.Reader) (h header, err error) {
	b := make([]byte, headerSize)
	n, err := io.ReadFull(r, b)
	if foreign(b[:min(n, len(magic))]) {
		return h, ErrForeign
	}
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return h, fmt.Errorf("%w: it has no whole header", ErrDamaged)
		}
		return h, err
	}
	if string(b[:len(magic)]) != magic {
		return h, fmt.Errorf("%w: it does not begin as a state does", ErrDamaged)
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return h, fmt.Errorf("%w (%d, not %d)", ErrVersion, v, version)
	}
	h.checksum = binary.LittleEndian.Uint32(b[12:])
	h.length = int64(binary.LittleEndian.Uint64(b[16:]))
	mark := binary.LittleEndian.Uint64(b[markAt:])
	if mark != ^binary.LittleEndian.Uint64(b[markAt+8:]) {
		return h, fmt.Errorf("%w: its mark is torn", ErrDamaged)
	}
	h.superseded = int64(mark)
	return h, nil
}

// foreign reports whether a file with this beginning is neither a state nor the rest of
// one after a crash of the machine.
func foreign(head []byte) bool {
	return !strings.HasPrefix(magic, string(head)) && len(bytes.Trim(head, "\x00")) > 0
}

// checksum is a writer that counts and sums up what passes.
type checksum struct {
	sum    uint32
	length int64
}

func (c *checksum) Write(b []byte) (int, error) {
	// The table is made once; processors have an instruction for it.
	c.sum = crc32.Update(c.sum, crc32.MakeTable(crc32.Castagnoli), b)
	c.length += int64(len(b))
	return len(b), nil
}
