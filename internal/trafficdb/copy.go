package trafficdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"
)

const copyTraffic = `COPY vpn_traffic (time, src, dst, proto, port, src_packets, src_bytes,
	dst_packets, dst_bytes, connection_times, connection_count, open_connections, host) FROM STDIN`

// copyIn is lib/pq's COPY statement: it takes text as the server reads it,
// which spares a dozen boxed values for each row.
type copyIn interface {
	driver.Stmt
	CopyData(ctx context.Context, text string) (driver.Result, error)
}

// copyRows sends the rows of a batch to vpn_traffic.
func copyRows(conn *sql.Conn, b *batch) error {
	enc, order := newEncoder(b.host), b.heapOrder()
	return copyLines(conn, copyTraffic, len(order), func(buf []byte, n int) []byte {
		return enc.append(buf, b, &b.entries[order[n]])
	})
}

// copyRollup sends a rollup to its table.
func copyRollup(conn *sql.Conn, t *rollupTable, b *batch, rows []rollupRow) error {
	enc := newEncoder(b.host)
	return copyLines(conn, t.copyStatement(), len(rows), func(buf []byte, n int) []byte {
		return enc.appendRollup(buf, b, t, &rows[n])
	})
}

// copyLines sends count lines through COPY. The connection must be in a
// transaction; when that one's context ends, the COPY ends too.
func copyLines(conn *sql.Conn, statement string, count int, line func([]byte, int) []byte) error {
	var failed error
	err := conn.Raw(func(raw any) error {
		failed = copyThrough(raw, statement, count, line)
		// Not to database/sql: at a driver.ErrBadConn it would wait for the
		// transaction to let go of the connection, and the transaction is ours.
		return nil
	})
	if err == nil {
		err = failed
	}
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	return nil
}

func copyThrough(raw any, statement string, count int, line func([]byte, int) []byte) error {
	preparer, ok := raw.(driver.ConnPrepareContext)
	if !ok {
		return errors.New("the driver has no COPY")
	}
	// Not the import's context: lib/pq watches that for the transaction.
	ctx := context.Background()
	stmt, err := preparer.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	in, ok := stmt.(copyIn)
	if !ok {
		return errors.Join(errors.New("the driver has no COPY"), stmt.Close())
	}
	err = sendLines(ctx, in, count, line)
	if why := in.Close(); why != nil { // it waits until the server has taken all
		err = why
	}
	if valid, ok := raw.(driver.Validator); ok && err != nil && !valid.IsValid() && ClassOf(err) == Unknown {
		return &brokenCopy{err}
	}
	return err
}

// brokenCopy is an error after which the connection is of no use, for no reason
// that we know: lib/pq gives up when the server has its configuration reloaded
// in the middle of a COPY, and tells us of a changed setting.
type brokenCopy struct{ error }

func (b *brokenCopy) Unwrap() error { return b.error }

func sendLines(ctx context.Context, in copyIn, count int, line func([]byte, int) []byte) error {
	const block = 60 << 10 // lib/pq sends what exceeds 63 KiB
	buf := make([]byte, 0, 64<<10)
	for n := range count {
		buf = line(buf, n)
		if len(buf) < block && n < count-1 {
			continue
		}
		// CopyData ends each text with a newline of its own.
		if _, err := in.CopyData(ctx, string(buf[:len(buf)-1])); err != nil {
			return err
		}
		buf = buf[:0]
	}
	return nil
}

// encoder writes rows of a host in COPY's text format. Texts of a row need no
// escapes: Check refuses backslashes and control characters.
type encoder struct {
	host  []byte
	times map[int64][]byte // as they were written before, by their microseconds
}

func newEncoder(host string) *encoder {
	e := &encoder{times: make(map[int64][]byte)}
	for i := range len(host) {
		if host[i] == '\\' {
			e.host = append(e.host, '\\')
		}
		e.host = append(e.host, host[i])
	}
	return e
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

func (e *encoder) appendRollup(dst []byte, b *batch, t *rollupTable, row *rollupRow) []byte {
	dst = e.appendTime(dst, row.us)
	dst = append(dst, '\t')
	dst = append(dst, e.host...)
	for _, column := range t.columns {
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
