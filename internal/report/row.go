// Package report reads and writes report files: plain CSV, a row a line, in
// the form the earlier accounting tools wrote and operators know:
//
//	time_ns,proto,src,dst,port,src_packets,dst_packets,src_bytes,dst_bytes,connection_count,connection_times[,open_connections[,src_name,dst_name]]
//
// There is no header, and both packet columns come before both byte columns. A
// row of which neither end has a name has no columns for names; in one that has
// them, open_connections may be empty. Only names are ever quoted, as CSV does.
// The host that a file speaks for is in the file's name, since the rows have no
// column for it.
//
// The package touches no disk: it turns rows into bytes, bytes into rows, and
// names into what they say.
package report

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"telegraf-conntrack-accounting/internal/printable"
)

// Row is the traffic of one series in one interval.
type Row struct {
	Time            int64 // ns since the epoch
	Proto, Src, Dst string
	Port            int32 // destination port of the opener; -1 for all others
	SrcPackets      int64
	DstPackets      int64
	SrcBytes        int64
	DstBytes        int64
	ConnectionCount int64 // of 32 bits like the kernel's own
	ConnectionTimes int64 // ms, the sum over the connections counted
	OpenConnections int64 // a gauge, of 32 bits like the kernel's own; means nothing unless HasOpen
	HasOpen         bool  // false for a row of eleven columns

	SrcName, DstName string // what the ends were called, empty where nobody said
}

// Micros returns a row's time, in nanoseconds since the epoch, in microseconds,
// the precision that Postgres keeps, rounded as Postgres rounds.
func Micros(ns int64) int64 {
	us, rest := ns/int64(time.Microsecond), ns%int64(time.Microsecond)
	if rest < 0 {
		us, rest = us-1, rest+int64(time.Microsecond)
	}
	if rest >= int64(time.Microsecond)/2 {
		us++
	}
	return us
}

// maxText bounds proto, src and dst, so that a row always fits an index page.
const maxText = 255

const maxPort = 65535

// Check says why a row cannot be a row, or returns nil. What passes can be
// written to a report file, read back unchanged, and stored.
func (r *Row) Check() error {
	for _, text := range [...]struct{ name, value string }{{"proto", r.Proto}, {"src", r.Src}, {"dst", r.Dst}} {
		if err := CheckText(text.value); err != nil {
			return fmt.Errorf("%s %w", text.name, err)
		}
	}
	if r.Port < -1 || r.Port > maxPort {
		return fmt.Errorf("port %w", errPort)
	}
	if r.SrcName != CleanName(r.SrcName) {
		return fmt.Errorf("src_name %w", errName)
	}
	if r.DstName != CleanName(r.DstName) {
		return fmt.Errorf("dst_name %w", errName)
	}
	if err := r.checkNumbers(); err != nil {
		return err
	}
	return CheckTime(r.Time)
}

func (r *Row) checkNumbers() error {
	for _, number := range [...]struct {
		name  string
		value int64
	}{
		{"src_packets", r.SrcPackets},
		{"dst_packets", r.DstPackets},
		{"src_bytes", r.SrcBytes},
		{"dst_bytes", r.DstBytes},
		{"connection_count", r.ConnectionCount},
		{"connection_times", r.ConnectionTimes},
		{"open_connections", r.OpenConnections},
	} {
		if number.value < 0 {
			return fmt.Errorf("%s %w", number.name, errNegative)
		}
	}
	if r.ConnectionCount > math.MaxInt32 {
		return fmt.Errorf("connection_count %w", errWide)
	}
	if r.OpenConnections > math.MaxInt32 {
		return fmt.Errorf("open_connections %w", errWide)
	}
	return nil
}

var (
	errEmpty     = errors.New("is empty")
	errLong      = fmt.Errorf("is longer than %d bytes", maxText)
	errUTF8      = errors.New("is not valid UTF-8")
	errCharacter = errors.New("holds a comma, a quote, a backslash or a control character")
	errName      = errors.New("is not as CleanName makes names")
	errQuotes    = errors.New("is not quoted as CSV quotes")
	errControl   = errors.New("holds a control character")
	errLine      = fmt.Errorf("is longer than %d bytes", maxLine)
	errCut       = errors.New("has no line end: the file may have been cut short")
	errNegative  = errors.New("is negative")
	errPort      = errors.New("is not -1 to 65535")
	errNumber    = errors.New("is not a whole number")
	errRange     = errors.New("does not fit 64 bits")
	errWide      = errors.New("does not fit 32 bits with a sign, which the kernel counts connections with")
)

// CheckText says why a text cannot be a proto, src or dst, or returns nil.
func CheckText(s string) error {
	if s == "" {
		return errEmpty
	}
	if len(s) > maxText {
		return errLong
	}
	if !utf8.ValidString(s) {
		return errUTF8
	}
	if strings.ContainsAny(s, "\",\\") || !printable.Is(s) {
		return errCharacter
	}
	return nil
}
