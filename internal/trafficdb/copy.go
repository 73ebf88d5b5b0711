package trafficdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"time"

	"telegraf-conntrack-accounting/internal/report"
)

const copyStatement = `COPY vpn_traffic (time, src, dst, proto, port, src_packets, src_bytes,
	dst_packets, dst_bytes, connection_times, connection_count, open_connections, host) FROM STDIN`

// copyIn is lib/pq's COPY statement: it takes text as the server reads it,
// which spares a dozen boxed values for each row.
type copyIn interface {
	driver.Stmt
	CopyData(ctx context.Context, text string) (driver.Result, error)
}

// copyRows sends a batch through COPY. The connection must be in a transaction;
// when that one's context ends, the COPY ends too.
func copyRows(conn *sql.Conn, b *batch) error {
	err := conn.Raw(func(raw any) error {
		preparer, ok := raw.(driver.ConnPrepareContext)
		if !ok {
			return errors.New("the driver has no COPY")
		}
		// Not the import's context: lib/pq watches that for the transaction.
		ctx := context.Background()
		stmt, err := preparer.PrepareContext(ctx, copyStatement)
		if err != nil {
			return err
		}
		in, ok := stmt.(copyIn)
		if !ok {
			return errors.Join(errors.New("the driver has no COPY"), stmt.Close())
		}
		if err := sendRows(ctx, in, b); err != nil {
			return errors.Join(err, in.Close())
		}
		return in.Close() // which waits until the server has taken all
	})
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	return nil
}

func sendRows(ctx context.Context, in copyIn, b *batch) error {
	const block = 60 << 10 // lib/pq sends what exceeds 63 KiB
	enc := newEncoder(b.host)
	for n, i := range b.order {
		enc.append(&b.rows[i])
		if len(enc.buf) < block && n < len(b.order)-1 {
			continue
		}
		// CopyData ends each text with a newline of its own.
		if _, err := in.CopyData(ctx, string(enc.buf[:len(enc.buf)-1])); err != nil {
			return err
		}
		enc.buf = enc.buf[:0]
	}
	return nil
}

// encoder writes rows in COPY's text format. Texts of a row need no escapes:
// Check refuses backslashes and control characters.
type encoder struct {
	buf    []byte
	tail   []byte // the host's column and the end of the line
	micros int64  // of the time last written
	time   []byte
}

func newEncoder(host string) *encoder {
	e := &encoder{buf: make([]byte, 0, 64<<10), tail: []byte{'\t'}}
	for i := range len(host) {
		if host[i] == '\\' {
			e.tail = append(e.tail, '\\')
		}
		e.tail = append(e.tail, host[i])
	}
	e.tail = append(e.tail, '\n')
	return e
}

func (e *encoder) append(row *report.Row) {
	if us := row.Micros(); e.time == nil || us != e.micros {
		e.micros = us
		e.time = appendTime(e.time[:0], us)
	}
	e.buf = append(e.buf, e.time...)
	for _, text := range [...]string{row.Src, row.Dst, row.Proto} {
		e.buf = append(e.buf, '\t')
		e.buf = append(e.buf, text...)
	}
	for _, number := range [...]int64{
		int64(row.Port), row.SrcPackets, row.SrcBytes, row.DstPackets, row.DstBytes,
		row.ConnectionTimes, row.ConnectionCount,
	} {
		e.buf = append(e.buf, '\t')
		e.buf = strconv.AppendInt(e.buf, number, 10)
	}
	e.buf = append(e.buf, '\t')
	if row.HasOpen {
		e.buf = strconv.AppendInt(e.buf, row.OpenConnections, 10)
	} else {
		e.buf = append(e.buf, `\N`...)
	}
	e.buf = append(e.buf, e.tail...)
}

// appendTime appends a time in microseconds as the server reads it.
func appendTime(dst []byte, us int64) []byte {
	return time.UnixMicro(us).UTC().AppendFormat(dst, "2006-01-02 15:04:05.999999+00")
}
