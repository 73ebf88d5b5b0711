package ingest

import (
	"bytes"
	"errors"
	"io"
	"time"

	"telegraf-conntrack-accounting/internal/lines"
	"telegraf-conntrack-accounting/internal/unpack"
)

// isLineProtocol decides what a file is, by the first of its lines that is a row or
// a metric. Nothing is both: the second column of a row is a protocol, where a metric
// has a tag, with an equals sign. Where no line is either, it is called a report.
func isLineProtocol(in *unpack.Reader) bool {
	const least, most = 1 << 10, 64 << 10
	for size := least; size <= most; size *= 2 {
		head, err := in.Peek(size)
		if metric, sure := looksLike(head, errors.Is(err, io.EOF)); sure {
			return metric
		}
		if err != nil {
			break // which reading tells
		}
	}
	return false
}

// looksLike reports whether the first line that tells is a metric, and whether there
// is such a line.
func looksLike(head []byte, whole bool) (metric, sure bool) {
	entries := lines.NewSplitter()
	for entries.Add(head); ; entries.Consume() {
		e, ok := entries.Next(whole)
		if !ok {
			return false, false
		}
		if beginsRow(e.Text) {
			return false, true
		}
		if m, err := lines.Decode(e.Text, time.Time{}); e.Err == nil && err == nil && m != nil {
			return true, true
		}
	}
}

// beginsRow reports whether a line begins with a number and something that is not a tag.
func beginsRow(line []byte) bool {
	number, rest, found := bytes.Cut(line, []byte{','})
	second, _, _ := bytes.Cut(rest, []byte{','})
	return found && len(number) > 0 && len(bytes.Trim(number, `"-0123456789`)) == 0 && bytes.IndexByte(second, '=') < 0
}
