package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// What retention is about to drop comes in only when somebody says so.
func TestUpgradeOfWhatRetentionDrops(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	p.retain(pg.DSN(), "30d")
	_, err := pg.DB().Exec(`
		CREATE TABLE vpn_traffic (id serial PRIMARY KEY, time timestamptz, src varchar(16), dst varchar(16), proto varchar(4), port int,
			src_packets bigint, src_bytes bigint, dst_packets bigint, dst_bytes bigint, connection_times int, connection_count int, open_connections int,
			UNIQUE (time, src, dst, proto, port));
		INSERT INTO vpn_traffic (time, src, dst, proto, port, src_bytes)
			SELECT date_trunc('day', now(), 'UTC') - n * interval '20 days', '10.0.0.1', '10.0.0.2', 'tcp', 80, n FROM generate_series(0, 2) n`)
	require.NoError(t, err)
	text, code := p.output("upgrade")
	require.Equal(t, exitPast, code, text)
	require.Contains(t, text, "E! 1 rows of the old table, from ")
	require.Contains(t, text, "raise retention, which is 30d, or say -past-retention\n")
	var kind string
	require.NoError(t, pg.DB().QueryRow(`SELECT relkind FROM pg_class WHERE relname = 'vpn_traffic'`).Scan(&kind))
	require.Equal(t, "r", kind, "nothing was changed")

	text, code = p.output("upgrade", "-past-retention")
	require.Zero(t, code, text)
	require.Contains(t, text, "3 rows came over")
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.Retain(t.Context(), time.Now(), schema.Retention{Raw: 30 * 24 * time.Hour})
	require.NoError(t, err)
	text, code = p.output("upgrade", "-past-retention")
	require.Equal(t, exitPast, code, text)
	require.Contains(t, text, "0 rows came over, 2 were there already, 0 are not rows")
	require.Contains(t, text, "E! 1 rows came over once and have been dropped by retention since")
}

// retain configures a retention.
func (p *program) retain(dsn, retention string) {
	p.t.Helper()
	text := fmt.Sprintf("[[outputs.vpn_traffic]]\n  spool = %q\n  dsn = %q\n  retention = %q\n", p.spool, dsn, retention)
	require.NoError(p.t, os.WriteFile(p.config, []byte(text), 0o600))
}

func testImportPast(i *importTest) {
	require.NoError(i.t, os.WriteFile(i.config, fmt.Appendf(nil, "[[outputs.vpn_traffic]]\n  dsn = %q\n  spool = \"/nowhere\"\n  retention = \"30d\"\n", i.dsn), 0o600))
	now := time.Now()
	row := func(days int) string {
		return fmt.Sprintf("%d,tcp,10.0.0.1,192.0.2.1,443,0,2,%d,200,1,5\n", now.AddDate(0, 0, -days).UnixNano(), days)
	}
	old, recent := i.file("old.csv", row(40)+row(20)), i.file("recent.csv", row(10))
	code, stdout, stderr := i.run("", old, recent)
	require.Equal(i.t, exitPast, code)
	require.Contains(i.t, stdout, "0 of 2 files: 0 rows imported")
	require.Contains(i.t, stderr, "E! 1 of 2 files have rows before ")
	require.Contains(i.t, stderr, ", which retention = 30d drops within hours; nothing was imported: raise retention, or say -past-retention\n")

	code, stdout, _ = i.run(row(50)+row(1), "-", recent)
	require.Equal(i.t, exitPast, code)
	require.Contains(i.t, stdout, "2 of 2 files: 2 rows imported, 0 duplicate, 0 rejected, 1 older than the retention and left out (-past-retention takes them);")

	i.ok("-past-retention", old, recent)
	require.Equal(i.t, "4 71", i.query(`SELECT count(*) || ' ' || sum(src_bytes) FROM vpn_traffic`))
	db, err := store.Open(i.dsn)
	require.NoError(i.t, err)
	defer func() { require.NoError(i.t, db.Close()) }()
	_, err = db.Retain(i.t.Context(), now, schema.Retention{Raw: 30 * 24 * time.Hour})
	require.NoError(i.t, err)
	code, stdout, _ = i.run("", "-past-retention", old)
	require.Equal(i.t, exitPast, code)
	require.Contains(i.t, stdout, "0 rows imported, 1 duplicate, 0 rejected, 1 of reports that were imported once and have been dropped since;")
	require.Equal(i.t, 1, strings.Count(stdout, "\n"))
}

// A row a day would cost some twenty relations each. What is beyond a month is kept to
// the side, and comes in when somebody says so.
func testImportDays(i *importTest) {
	const days = 40
	history := func(year int) string {
		var text strings.Builder
		for n := range days {
			at := time.Date(year, 3, 1+n, 12, 0, 0, 0, time.UTC)
			fmt.Fprintf(&text, "%d,tcp,10.0.0.1,192.0.2.1,443,0,2,%d,200,1,5\n", at.UnixNano(), n)
		}
		return text.String()
	}
	all := history(2021)
	bad := filepath.Join(i.dir, "bad.csv")
	code, stdout, stderr := i.run("", "-rejected", bad, i.file("all.csv", all))
	require.Equal(i.t, exitRejected, code, stderr)
	require.Contains(i.t, stdout, "1 of 1 files: 31 rows imported, 0 duplicate, 9 rejected;")
	require.Contains(i.t, stderr, "all.csv:32: of 2021-04-01, beyond the 31 days of the past that one file may bring when the database has nothing of them: "+
		"if its times are right, import it with \"psql-sink import -days 0\"\n")
	partitions := func() string {
		return i.query(`SELECT count(*)::text FROM vpn_traffic_partitions WHERE parent = 'vpn_traffic'`)
	}
	require.Equal(i.t, "31", partitions())
	i.t.Log(i.query(`SELECT count(*) || ' relations of partitions, ' || sum(pg_relation_size(oid)) / 31 || ' bytes a day'
		FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relname ~ '_20210[34]'`))
	_, stdout, _ = i.run("", i.file("half.csv", strings.Join(strings.SplitAfter(all, "\n")[:31], "")))
	require.Contains(i.t, stdout, " 0 rejected", "days that are there cost nothing")

	i.ok("-days", "9", bad)
	require.Equal(i.t, "40", partitions())
	require.Equal(i.t, fmt.Sprint(days*(days-1)/2), i.query(`SELECT sum(src_bytes)::text FROM vpn_traffic`))
	i.ok("-days", "0", i.file("history.csv", history(2020)))
	require.Equal(i.t, "80", partitions())
}
