package main

import (
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	traffic "telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// TestHeadReport prints the same of a head and of a database with the rows of its shards,
// and names a shard that is not there.
func TestHeadReport(t *testing.T) {
	t.Parallel()
	head, all := testkit.Database(t), testkit.Database(t)
	p := build(t, head.DSN())
	p.run(0, "migrate", "-head", "-dsn", head.DSN())
	reference, now := migrated(t, all.DSN()), time.Now().Truncate(15*time.Second)
	for i := range 3 {
		pg := testkit.Database(t)
		shard := migrated(t, pg.DSN())
		for gateway := range 2 {
			rows := reports(now, i+gateway)
			for _, db := range []*store.DB{shard, reference} {
				_, err := db.Import(t.Context(), fmt.Sprintf("gw%d%d", i, gateway), rows)
				require.NoError(t, err)
			}
		}
		head.AddShard(fmt.Sprint("shard", i), pg)
	}
	since, until := now.Add(-2*time.Hour).Format(time.RFC3339), now.Add(time.Second).Format(time.RFC3339)
	ask := func(pg *testkit.PG, args ...string) string {
		out, err := exec.Command(p.path, append(args, "-dsn", pg.DSN())...).CombinedOutput()
		require.NoError(t, err, "%v: %s", args, out)
		return string(out)
	}
	for _, args := range [][]string{
		{"report", "-since", since, "-until", until, "-top", "3"},
		{"report", "-since", since, "-until", until, "-top", "3", "-src", "team 1", "-sort", "connections"},
		{"report", "-since", since, "-until", until, "-csv", "-by", "pair", "-each", "hour"},
		{"report", "-since", since, "-until", until, "-host", "gw10,gw21"},
		{"top", "-once", "-by", "src", "-every", "1s"},
		{"top", "-once", "-by", "pair", "-host", "gw00"},
	} {
		require.Equal(t, ask(all, args...), ask(head, args...), "%v", args)
	}
	checked := func() string {
		p.configure("dsn = %q", head.DSN())
		out, _ := exec.Command(p.path, "check", "-config", p.config, "-json").Output()
		return string(out)
	}
	require.Contains(t, checked(), "all of 3 answer")
	head.Exec(`CREATE SERVER gone FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '/nowhere', dbname 'vpn')`, `CREATE USER MAPPING FOR CURRENT_USER SERVER gone`)
	const missing = "no answer of shard gone (could not establish connection)"
	require.Contains(t, ask(head, "report", "-since", since, "-until", until), missing)
	require.Contains(t, ask(head, "report", "-since", since, "-until", until, "-csv"), "W! what is in one database is missing: "+missing)
	require.Contains(t, ask(head, "top", "-once"), missing)
	require.Contains(t, checked(), "1 of 4 do not answer: gone (could not establish connection)")
}

// reports are those of the last hour of a gateway, the last of now.
func reports(now time.Time, n int) (rows []traffic.Row) {
	for at := now.Add(-time.Hour); !at.After(now); at = at.Add(time.Minute) {
		for src := range 4 {
			rows = append(rows, traffic.Row{
				Time: at.UnixNano(), Proto: "tcp", Port: 443, Src: fmt.Sprintf("10.1.%d.0", src), Dst: fmt.Sprintf("10.2.%d.0", n), SrcName: fmt.Sprintf("team %d", src),
				SrcPackets: 3, SrcBytes: int64(1000*n + 100*src + at.Minute()), DstPackets: 4, DstBytes: 5678, ConnectionCount: int64(src), ConnectionTimes: 3000,
			})
		}
	}
	return rows
}

// migrated opens a database, and makes its tables.
func migrated(t testing.TB, dsn string) *store.DB {
	t.Helper()
	db, err := store.Open(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Migrate(t.Context()))
	return db
}
