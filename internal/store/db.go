package store

import (
	"context"
	"sync"
	"time"

	"telegraf-conntrack-accounting/internal/schema"
)

// DB is the traffic database. Its methods may be called at once.
type DB struct {
	*schema.DB

	mu     sync.Mutex
	server time.Time             // when the server started of which the rest is known; zero where nothing is
	values map[dayValue]bool     // those that are known to be stored
	names  map[endpoint]nameSpan // those that are known to be in the log
}

// Open prepares the use of the database that dsn names: see pgconn.Open.
func Open(dsn string) (*DB, error) {
	db, err := schema.Open(dsn)
	if err != nil {
		return nil, err
	}
	return &DB{DB: db, values: make(map[dayValue]bool), names: make(map[endpoint]nameSpan)}, nil
}

// Migrate is schema's. The database may be another one by now.
func (db *DB) Migrate(ctx context.Context) error {
	db.forgetNames()
	return db.DB.Migrate(ctx)
}

// Retain is schema's. It may drop what a name is known by.
func (db *DB) Retain(ctx context.Context, now time.Time, keep schema.Retention) (schema.Retained, error) {
	defer db.forgetNames()
	return db.DB.Retain(ctx, now, keep)
}

// meet forgets what is known of another server than the one that started then. Which one
// the next transaction is on, nobody is told: the pool connects anew where it can, and a
// proxy need not end connections.
func (db *DB) meet(server time.Time) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if !server.Equal(db.server) {
		db.server = server
		clear(db.values)
		clear(db.names)
	}
}

// forgetNames makes imports look again what is stored: somebody may have deleted it.
func (db *DB) forgetNames() { db.meet(time.Time{}) }
