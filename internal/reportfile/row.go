// Package reportfile reads and writes report files: plain CSV, a row a line, in
// the form the earlier accounting tools wrote and operators know:
//
//	time_ns,proto,src,dst,port,src_packets,dst_packets,src_bytes,dst_bytes,connection_count,connection_times[,open_connections[,src_name,dst_name]]
//
// Both packet columns come before both byte columns. A
// row without names has no columns for them; in one that has
// them, open_connections may be empty. Only names are ever quoted, as CSV does.
// The host that a file speaks for is in the file's name, since the rows have no
// column for it.
//
// The package touches no disk: it turns rows into bytes, bytes into rows, and
// names into what they say.
package reportfile

import (
	"errors"
	"fmt"
	"math"
	"time"
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
	return time.Unix(0, ns).Round(time.Microsecond).UnixMicro()
}

const maxPort = 65535

// Check says why a row cannot be a row, or returns nil. What passes can be
// written to a report file, read back unchanged, and stored.
func (r *Row) Check() error {
	if err := checkProto(r.Proto); err != nil {
		return fmt.Errorf("proto %w", err)
	}
	if err := checkAddress(r.Src); err != nil {
		return fmt.Errorf("src %w", err)
	}
	if err := checkAddress(r.Dst); err != nil {
		return fmt.Errorf("dst %w", err)
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

// What no gateway reaches in an interval, whatever it is: 2^53 bytes are a day at
// 800 Gbit/s. A row beyond would not only be wrong itself, but fill up the sums of
// its hour, which then have no room for rows that are right.
const (
	maxPackets = 1 << 44
	maxBytes   = 1 << 53
	maxTimes   = 1 << 53       // ms
	maxCount   = math.MaxInt32 // the kernel counts connections with 32 bits and a sign
)

func (r *Row) checkNumbers() error {
	for _, number := range [...]struct {
		name       string
		value, max int64
		beyond     error
	}{
		{"src_packets", r.SrcPackets, maxPackets, errPackets},
		{"dst_packets", r.DstPackets, maxPackets, errPackets},
		{"src_bytes", r.SrcBytes, maxBytes, errBytes},
		{"dst_bytes", r.DstBytes, maxBytes, errBytes},
		{"connection_count", r.ConnectionCount, maxCount, errWide},
		{"connection_times", r.ConnectionTimes, maxTimes, errTimes},
		{"open_connections", r.OpenConnections, maxCount, errWide},
	} {
		if uint64(number.value) > uint64(number.max) { // negative ones, too
			if number.value < 0 {
				return fmt.Errorf("%s %w", number.name, errNegative)
			}
			return fmt.Errorf("%s %w", number.name, number.beyond)
		}
	}
	return nil
}

var (
	errEmpty    = errors.New("is empty")
	errUTF8     = errors.New("is not valid UTF-8")
	errName     = errors.New("is not as CleanName makes names")
	errQuotes   = errors.New("is not quoted as CSV quotes")
	errControl  = errors.New("holds a control character")
	errLine     = fmt.Errorf("is longer than %d bytes", maxLine)
	errCut      = errors.New("has no line end: the file may have been cut short")
	errNegative = errors.New("is negative")
	errPackets  = errors.New("is more than 2^44, which no gateway forwards in an interval")
	errBytes    = errors.New("is more than 2^53, which no gateway forwards in an interval")
	errTimes    = errors.New("is more than 2^53 ms, which no connections of an interval add up to")
	errPort     = errors.New("is not -1 to 65535")
	errNumber   = errors.New("is not a whole number")
	errRange    = errors.New("does not fit 64 bits")
	errWide     = errors.New("does not fit 32 bits with a sign, which the kernel counts connections with")
)
