package pgconn

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/lib/pq"
)

// errNotReplicated is what a commit ends with that the server has made on its own disk
// only. The rows are visible there, and gone when a standby takes over.
var errNotReplicated = errors.New("a commit did not reach the synchronous standby: its wait was broken off")

// session is a connection whose commits fail when they were not replicated. The server
// calls such a commit done, and tells of it in a warning alone: when somebody cancels
// the wait for a standby, as lib/pq does at the end of a transaction's context.
type session struct {
	driverConn
	alone bool // that was said since the transaction began
}

// driverConn is what database/sql, and we, use of lib/pq's connections.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.NamedValueChecker
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

func newSession(conn driver.Conn) (*session, error) {
	all, ok := conn.(driverConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver lacks methods"), conn.Close())
	}
	s := &session{driverConn: all}
	pq.SetNoticeHandler(conn, s.notice)
	return s, nil
}

// notice is called by lib/pq while it waits for an answer. Texts may be translated, but
// the function of the server's that they come from has the same name in all versions.
func (s *session) notice(said *pq.Error) {
	if said.Routine == "SyncRepWaitForLSN" {
		s.alone = true
	}
}

// BeginTx begins a transaction.
func (s *session) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	s.alone = false
	tx, err := s.driverConn.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return transaction{tx, s}, nil
}

// transaction is one of a session.
type transaction struct {
	driver.Tx
	in *session
}

// Commit commits, and waits for standbys if the server does.
func (t transaction) Commit() error {
	if err := t.Tx.Commit(); err != nil {
		return err
	}
	if t.in.alone {
		return errNotReplicated
	}
	return nil
}
