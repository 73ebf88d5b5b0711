package testkit

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// RequireExact requires that vpn_traffic holds no row twice, and that every
// rollup holds what its rows add up to and nothing else, where none has expired.
// It compares in SQL of its own, so that it shares no mistake with what it checks.
func RequireExact(t testing.TB, db *sql.DB) {
	t.Helper()
	RequireExactBetween(t, db, time.Unix(0, 0).AddDate(-1000, 0, 0), time.Unix(0, 0).AddDate(1000, 0, 0))
}

// RequireExactBetween does so for some whole hours.
func RequireExactBetween(t testing.TB, db *sql.DB, from, to time.Time) {
	t.Helper()
	// An import that ends meanwhile changes all or nothing of what we see.
	tx, err := db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	wrong, err := InexactIn(tx, from, to)
	require.NoError(t, err)
	require.Empty(t, wrong, "tables that are not what the rows of vpn_traffic add up to, and keys that differ")
}

// InexactIn returns the tables that are not as RequireExact wants them, with the
// number of keys that differ, as a transaction sees them.
func InexactIn(tx *sql.Tx, from, to time.Time) (map[string]int, error) {
	wrong := make(map[string]int)
	for _, c := range comparisons() {
		var keys int
		if err := tx.QueryRow(c.query(), from, to).Scan(&keys); err != nil {
			return nil, fmt.Errorf("comparing %s: %w", c.table, err)
		}
		if keys > 0 {
			wrong[c.table] = keys
		}
	}
	return wrong, nil
}

// comparison holds a table against the rows of vpn_traffic.
type comparison struct {
	table, step string
	keys, sums  string
	truth       string // instead of the sums, of vpn_traffic
	once        bool   // a key has but one row
}

const allSums = `sum(src_packets), sum(src_bytes), sum(dst_packets), sum(dst_bytes),
	sum(connection_times), sum(connection_count), sum(open_connections)`

func comparisons() []comparison {
	all := []comparison{{table: "vpn_traffic", keys: "src, dst, proto, port", sums: allSums, truth: allSums, once: true}}
	for _, of := range [...]string{"src", "dst", "port"} {
		keys := strings.TrimPrefix(of+", proto, port", "port, ")
		for step, once := range map[string]bool{"": false, "minute": true, "hour": true} {
			table := strings.Replace("vpn_traffic_"+step+"_by_"+of, "__", "_", 1)
			all = append(all, comparison{table: table, step: step, keys: keys, sums: allSums, truth: allSums, once: once})
		}
	}
	for _, of := range [...]string{"src", "dst"} {
		all = append(all, comparison{table: "vpn_traffic_minute_total_by_" + of, step: "minute", keys: of, sums: allSums, truth: allSums, once: true})
	}
	all = append(all, comparison{table: "vpn_traffic_hour_by_pair", step: "hour", keys: "src, dst", sums: allSums, truth: allSums, once: true})
	for _, step := range [...]string{"minute", "hour"} {
		all = append(all, comparison{
			table: "vpn_traffic_" + step + "_reports", step: step, sums: "sum(reports), sum(tracked)", once: true,
			truth: "count(DISTINCT time), count(DISTINCT time) FILTER (WHERE open_connections IS NOT NULL)",
		})
	}
	return append(all, comparison{table: "vpn_traffic_values"})
}

// missingValues counts the values that vpn_traffic_values does not know, or not to
// have been there on all of their days.
const missingValues = `SELECT count(*) FROM (
	SELECT kind, value, min(day) AS first, max(day) AS last FROM (
		SELECT DISTINCT (time AT TIME ZONE 'UTC')::date AS day, src, dst, proto, port, host
		FROM vpn_traffic WHERE time >= $1 AND time < $2) AS r,
		LATERAL (VALUES ('src', src), ('dst', dst), ('proto', proto), ('port', port::text), ('host', host)) AS v (kind, value)
	GROUP BY kind, value) AS want
LEFT JOIN vpn_traffic_values AS n USING (kind, value)
WHERE n.kind IS NULL OR n.first_day > want.first OR n.last_day < want.last`

// query counts the keys that one side has and the other has not, or has with
// other sums.
func (c comparison) query() string {
	if c.table == "vpn_traffic_values" {
		return missingValues
	}
	at, keys, rows := "time", "", "0"
	if c.step != "" {
		at = "date_trunc('" + c.step + "', time, 'UTC')"
	}
	if c.keys != "" {
		keys = ", " + c.keys
	}
	if c.once {
		rows = "count(*)"
	}
	const span = `time >= $1 AND time < $2`
	want := fmt.Sprintf(`SELECT %s AS at, host%s, %s, %s FROM vpn_traffic WHERE %s GROUP BY 1, host%[2]s`,
		at, keys, map[bool]string{true: "1", false: "0"}[c.once], c.truth, span)
	got := fmt.Sprintf(`SELECT time, host%s, %s, %s FROM %s WHERE %s GROUP BY time, host%[1]s`, keys, rows, c.sums, c.table, span)
	return fmt.Sprintf(`SELECT count(*) FROM ((%[1]s EXCEPT %[2]s) UNION ALL (%[2]s EXCEPT %[1]s)) AS differ`, want, got)
}
