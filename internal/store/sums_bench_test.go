package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/testkit"
)

// errUndone ends a transaction of the benchmark: nothing stays.
var errUndone = errors.New("undone")

// BenchmarkSums stores all sums of ten reports whose rows are in vpn_traffic: as
// the import does, which adds them up itself, and by statements that have the
// server add them up, each from the coarsest table that will do.
func BenchmarkSums(b *testing.B) {
	pg := testkit.Postgres(b)
	db, err := Open(pg.DSN())
	require.NoError(b, err)
	defer func() { _ = db.Close() }()
	require.NoError(b, db.Migrate(b.Context()))
	rows, begin, end := sumsRows()
	_, err = db.Import(b.Context(), "gw", rows)
	require.NoError(b, err)
	for i := range schema.Rollups {
		_, err := pg.DB().Exec("TRUNCATE " + schema.Rollups[i].Name)
		require.NoError(b, err)
	}

	ways := []struct {
		name  string
		store func(ctx context.Context, conn *sql.Conn, tx *sql.Tx) error
	}{
		{"import", func(ctx context.Context, conn *sql.Conn, tx *sql.Tx) error {
			batch := newBatch("gw", Pack(rows))
			return (&importing{conn: conn, tx: tx, batch: batch, buckets: allNew(batch)}).storeRollups(ctx)
		}},
		{"server", func(ctx context.Context, _ *sql.Conn, tx *sql.Tx) error {
			for i, c := range checks(begin)[:len(schema.Rollups)] {
				from := strings.Replace(c.truth, "FROM vpn_traffic ", "FROM "+cmp.Or(schema.Rollups[i].Finer, "vpn_traffic")+" ", 1)
				statement := fmt.Sprintf("INSERT INTO %s (%s, %s) %s", c.table, c.keys, strings.Join(c.sums, ", "), from)
				if _, err := tx.ExecContext(ctx, statement, begin, end); err != nil {
					return err
				}
			}
			return nil
		}},
	}
	for _, way := range ways {
		b.Run(way.name, func(b *testing.B) {
			conn, err := db.Pool.Conn(b.Context())
			require.NoError(b, err)
			defer func() { _ = conn.Close() }()
			for b.Loop() {
				err := pgconn.InTransaction(b.Context(), conn, func(tx *sql.Tx) error {
					return errors.Join(way.store(b.Context(), conn, tx), errUndone)
				})
				require.Equal(b, errUndone.Error(), err.Error())
			}
			b.ReportMetric(float64(b.N*len(rows))/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// sumsRows returns the rows of ten reports.
func sumsRows() (rows []reportfile.Row, begin, end time.Time) {
	begin = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ports := [...]int32{443, 80, 53, 22, 8080, 3000, -1}
	end = begin
	for n := range 10 {
		for i := range 10_000 {
			rows = append(rows, reportfile.Row{
				Time: end.UnixNano(), Proto: "tcp", Port: ports[i%len(ports)],
				Src: fmt.Sprintf("10.32.%d.0", i%120), Dst: fmt.Sprintf("10.33.%d.0", (i/120+n)%90),
				SrcPackets: 1, SrcBytes: 60, DstPackets: 2, DstBytes: 6000, ConnectionCount: 1, ConnectionTimes: 50, OpenConnections: 3, HasOpen: true,
			})
		}
		end = end.Add(15 * time.Second)
	}
	return rows, begin, end
}

// allNew says that no sums are there.
func allNew(b *batch) newBuckets {
	news := make(newBuckets)
	times, _ := b.times()
	for _, level := range schema.MergedLevels {
		news[level.Name] = make(map[int64]bool)
		for _, us := range times {
			news[level.Name][floor(us, level.Step)] = true
		}
	}
	return news
}
