package statefile

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"time"
)

// Origin is what a state describes and when it was written.
type Origin struct {
	Boot      string // of the kernel: /proc/sys/kernel/random/boot_id
	Namespace string // the network namespace
	Settings  string // those that the state depends on
	Masks     string // of the series that were handed out; a state with other masks is still valid
	Written   time.Time
}

// Differs returns why the state of the other origin is not valid for this one, "" if it
// is.
func (o *Origin) Differs(other *Origin) string {
	switch {
	case o.Boot != other.Boot:
		return "it is from another boot"
	case o.Namespace != other.Namespace:
		return "it describes another network namespace"
	case o.Settings != other.Settings:
		return "its settings accounted other flows"
	}
	return ""
}

// maxText bounds what a damaged length can make us allocate.
const maxText = 1 << 20

func (o *Origin) write(w io.Writer) error {
	b := binary.LittleEndian.AppendUint64(nil, uint64(o.Written.UnixNano()))
	for _, text := range []string{o.Boot, o.Namespace, o.Settings, o.Masks} {
		if len(text) > maxText {
			return fmt.Errorf("a text of %d bytes is too long for a state", len(text))
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	_, err := w.Write(b)
	return err
}

func readOrigin(r *bufio.Reader) (o Origin, size int64, err error) {
	var written [8]byte
	if _, err := io.ReadFull(r, written[:]); err != nil {
		return o, 0, err
	}
	o.Written, size = time.Unix(0, int64(binary.LittleEndian.Uint64(written[:]))), int64(len(written))
	for _, to := range []*string{&o.Boot, &o.Namespace, &o.Settings, &o.Masks} {
		text, err := readText(r)
		if err != nil {
			return o, 0, err
		}
		*to = text
		size += 4 + int64(len(text))
	}
	return o, size, nil
}

func readText(r *bufio.Reader) (string, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return "", err
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > maxText {
		return "", ErrDamaged
	}
	text := make([]byte, n)
	_, err := io.ReadFull(r, text)
	return string(text), err
}
