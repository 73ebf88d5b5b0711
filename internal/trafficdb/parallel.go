package trafficdb

// Parallel keeps as many connections open as n imports at once need.
func (db *DB) Parallel(n int) { db.pool.SetMaxIdleConns(max(2, n)) }
