package reportfile

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"telegraf-conntrack-accounting/internal/printable"
)

// Suffix ends the name of a report file.
const Suffix = ".csv"

// maxHost bounds the escaped host in a name; file systems allow 255 bytes.
const maxHost = 200

// Name says what a report file's name says.
type Name struct {
	Arrived time.Time // zero for a file that some other program named
	Host    string    // empty where the name does not tell
}

// FileName returns a name for a report of host that arrived now. Names sort by
// arrival. writer (a process id, say) and seq tell apart what arrives at the
// same moment.
func FileName(arrived time.Time, writer, seq int, host string) string {
	return fmt.Sprintf("%019d-%d-%06d_%s%s", arrived.UnixNano(), writer, seq, escape(host), Suffix)
}

// ParseName is the reverse of FileName, also where somebody compressed the file.
// Any other name is a foreign one: it gives a zero Name.
func ParseName(file string) Name {
	for _, compressed := range [...]string{".gz", ".zst"} {
		file = strings.TrimSuffix(file, compressed)
	}
	stem, ok := strings.CutSuffix(file, Suffix)
	if !ok {
		return Name{}
	}
	head, escaped, ok := strings.Cut(stem, "_")
	if !ok {
		return Name{}
	}
	parts := strings.Split(head, "-")
	if len(parts) != 3 || len(parts[0]) != 19 {
		return Name{}
	}
	var numbers [3]uint64
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 63)
		if err != nil {
			return Name{}
		}
		numbers[i] = n
	}
	host, err := url.PathUnescape(escaped)
	if err != nil || CheckHost(host) != nil {
		return Name{}
	}
	return Name{Arrived: time.Unix(0, int64(numbers[0])), Host: host}
}

// CheckHost says why a host cannot stand in a file's name and in the database,
// or returns nil. An empty host is a valid one.
func CheckHost(host string) error {
	if !utf8.ValidString(host) {
		return errUTF8
	}
	if !printable.Is(host) {
		return errControl
	}
	if len(escape(host)) > maxHost {
		return fmt.Errorf("is longer than %d bytes", maxHost)
	}
	return nil
}

// escape writes everything but letters, digits, dot and dash as %XX. What is
// left can stand in a file's name, and holds no separator of ours but the dash.
func escape(host string) string {
	var out strings.Builder
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-':
			out.WriteByte(c)
		default:
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}
