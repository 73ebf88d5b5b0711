package schema

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"

	"telegraf-conntrack-accounting/internal/pgconn"
)

// DB is a database with, or for, the traffic schema. Its methods may be called at
// once.
type DB struct {
	*pgconn.DB

	indexLater atomic.Bool // see IndexLater

	mu   sync.Mutex
	days map[int64]bool // days since the epoch whose partitions are known to be there
}

// queryer is a pool of connections, or a transaction.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Open prepares the use of the database that dsn names: see pgconn.Open.
func Open(dsn string) (*DB, error) {
	db, err := pgconn.Open(dsn)
	if err != nil {
		return nil, err
	}
	return &DB{DB: db, days: make(map[int64]bool)}, nil
}

// AfterError takes from an error, if there is one, what it says about the database.
func (db *DB) AfterError(err error) {
	if pgconn.IsMissingPartition(err) {
		db.forgetDays()
	}
	db.DB.AfterError(err)
}
