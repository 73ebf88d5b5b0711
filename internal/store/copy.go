package store

import (
	"database/sql"
	"strconv"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
)

// copyRows sends the rows of a batch to vpn_traffic.
func copyRows(conn *sql.Conn, b *batch) error {
	enc, order := newEncoder(b.host), b.heapOrder()
	statement := "COPY vpn_traffic (time, src, dst, proto, port, " + sumColumns + ", host) FROM STDIN"
	return pgconn.CopyLines(conn, statement, len(order), func(buf []byte, n int) []byte {
		return enc.append(buf, b, &b.entries[order[n]])
	})
}

// copyRollup sends a rollup to its table.
func copyRollup(conn *sql.Conn, t *schema.Rollup, b *batch, rows []rollupRow) error {
	enc := newEncoder(b.host)
	return pgconn.CopyLines(conn, copyStatement(t), len(rows), func(buf []byte, n int) []byte {
		return enc.appendRollup(buf, b, t, &rows[n])
	})
}

// encoder writes rows of a host in COPY's text format. Texts of a row need no
// escapes: Check refuses backslashes and control characters.
type encoder struct {
	host  []byte
	times map[int64][]byte // as they were written before, by their microseconds
}

func newEncoder(host string) *encoder {
	return &encoder{[]byte(strings.ReplaceAll(host, `\`, `\\`)), make(map[int64][]byte)}
}

func (e *encoder) append(dst []byte, b *batch, row *entry) []byte {
	dst = e.appendTime(dst, row.us)
	for _, text := range [...]uint32{row.src, row.dst, row.proto} {
		dst = append(dst, '\t')
		dst = append(dst, b.texts[text]...)
	}
	dst = append(dst, '\t')
	dst = strconv.AppendInt(dst, int64(row.port), 10)
	s := sumsOf(b.row(row))
	dst = s.append(dst)
	dst = append(dst, '\t')
	dst = append(dst, e.host...)
	return append(dst, '\n')
}

func (e *encoder) appendRollup(dst []byte, b *batch, t *schema.Rollup, row *rollupRow) []byte {
	dst = e.appendTime(dst, row.us)
	dst = append(dst, '\t')
	dst = append(dst, e.host...)
	for _, column := range t.Columns {
		dst = append(dst, '\t')
		if column == "port" {
			dst = strconv.AppendInt(dst, int64(row.port), 10)
		} else {
			dst = append(dst, b.text(&row.key, column)...)
		}
	}
	dst = row.append(dst)
	return append(dst, '\n')
}

// append writes each column after a tab.
func (s *sums) append(dst []byte) []byte {
	for _, number := range s.counters {
		dst = append(dst, '\t')
		dst = strconv.AppendInt(dst, number, 10)
	}
	dst = append(dst, '\t')
	if s.hasOpen {
		return strconv.AppendInt(dst, s.open, 10)
	}
	return append(dst, `\N`...)
}

func (e *encoder) appendTime(dst []byte, us int64) []byte {
	text, found := e.times[us]
	if !found {
		text = appendTime(nil, us)
		e.times[us] = text
	}
	return append(dst, text...)
}

// appendTime appends a time in microseconds as the server reads it.
func appendTime(dst []byte, us int64) []byte {
	return time.UnixMicro(us).UTC().AppendFormat(dst, "2006-01-02 15:04:05.999999+00")
}
