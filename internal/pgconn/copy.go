package pgconn

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// copyIn is lib/pq's COPY statement: it takes text as the server reads it,
// which spares a dozen boxed values for each row.
type copyIn interface {
	driver.Stmt
	CopyData(ctx context.Context, text string) (driver.Result, error)
}

// CopyLines sends count lines through COPY. The connection must be in a
// transaction; when that one's context ends, the COPY ends too.
func CopyLines(conn *sql.Conn, statement string, count int, line func([]byte, int) []byte) error {
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
	s := raw.(*session) // that is what a connector of ours connects
	// Not the import's context: lib/pq watches that for the transaction.
	ctx := context.Background()
	stmt, err := s.PrepareContext(ctx, statement)
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
	if err != nil && !s.IsValid() && ClassOf(err) == Unknown {
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
