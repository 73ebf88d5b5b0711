package statefile

import (
	"encoding/binary"
	"fmt"
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

// maxText is how long a text can be.
const maxText = 1 << 20

func (o *Origin) encode() ([]byte, error) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(o.Written.UnixNano()))
	for _, text := range []string{o.Boot, o.Namespace, o.Settings, o.Masks} {
		if len(text) > maxText {
			return nil, fmt.Errorf("a text of %d bytes is too long for a state", len(text))
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
		b = append(b, text...)
	}
	return b, nil
}

// decodeOrigin returns the origin that b begins with, and what follows it.
func decodeOrigin(b []byte) (o Origin, rest []byte, err error) {
	if len(b) < 8 {
		return o, nil, ErrDamaged
	}
	o.Written, b = time.Unix(0, int64(binary.LittleEndian.Uint64(b))), b[8:]
	for _, to := range []*string{&o.Boot, &o.Namespace, &o.Settings, &o.Masks} {
		if len(b) < 4 {
			return o, nil, ErrDamaged
		}
		n := int(binary.LittleEndian.Uint32(b))
		if b = b[4:]; n > min(maxText, len(b)) {
			return o, nil, ErrDamaged
		}
		*to, b = string(b[:n]), b[n:]
	}
	return o, b, nil
}
