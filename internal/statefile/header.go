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
	ErrForeign = errors.New("it is not a state file")

	// ErrVersion means that another version of the program wrote the file.
	ErrVersion = errors.New("another version of the program wrote it")
)

type header struct {
	Magic      [8]byte
	Version    uint32
	Checksum   uint32
	Length     int64
	Superseded int64
	Inverse    int64 // of Superseded
}

func (h *header) encode() []byte {
	h.Magic, h.Version, h.Inverse = [8]byte([]byte(magic)), version, ^h.Superseded
	b, _ := binary.Append(nil, binary.LittleEndian, h)
	return b
}

func readHeader(r io.Reader) (h header, err error) {
	b := make([]byte, headerSize)
	n, err := io.ReadFull(r, b)
	switch {
	case foreign(b[:min(n, len(magic))]):
		return h, ErrForeign
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return h, fmt.Errorf("%w: its header is incomplete", ErrDamaged)
	case err != nil:
		return h, err
	}
	_, _ = binary.Decode(b, binary.LittleEndian, &h) // it has all the bytes
	switch {
	case string(h.Magic[:]) != magic:
		return h, fmt.Errorf("%w: it does not begin with a state's header", ErrDamaged)
	case h.Version != version:
		return h, fmt.Errorf("%w (%d, not %d)", ErrVersion, h.Version, version)
	case h.Superseded != ^h.Inverse:
		return h, fmt.Errorf("%w: its mark was written in part", ErrDamaged)
	}
	return h, nil
}

// foreign reports whether a file with this beginning is neither a state nor the rest of
// one after a crash of the machine.
func foreign(head []byte) bool {
	return !strings.HasPrefix(magic, string(head)) && len(bytes.Trim(head, "\x00")) > 0
}

// checksum is the CRC-32C of parts that follow each other.
func checksum(parts ...[]byte) (sum uint32) {
	for _, part := range parts {
		// The table is made once; processors have an instruction for it.
		sum = crc32.Update(sum, crc32.MakeTable(crc32.Castagnoli), part)
	}
	return sum
}
