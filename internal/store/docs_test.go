package store_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// The statements of the documentation do as they are told: readers may ask what is
// asked, which finds something, and the owner may do the rest.
func TestStatementsOfTheDocs(t *testing.T) {
	t.Parallel()
	pg := withRoles(t)
	owner, asOwner := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
	require.NoError(t, owner.Migrate(t.Context()))
	_, asReader := openAs(t, pg, "user=vpn_traffic_reader")
	for _, at := range []time.Time{time.Date(2025, 12, 30, 12, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 5, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), time.Now()} {
		rows := series(at, 300)
		for i := range rows {
			rows[i].SrcName = "Library"
		}
		rows[299].Src = "10.77.0.0"
		mustImport(t, owner, "gw", rows)
	}
	pg.Exec("SET ROLE vpn_traffic_owner; CREATE TABLE vpn_traffic_old (); CREATE TABLE vpn_traffic_upgrade ()")
	asked, done := 0, 0
	for _, doc := range []string{"docs/database.md", "plugins/outputs/vpn_traffic/README.md"} {
		text, err := os.ReadFile(filepath.Join(testkit.Root(t), doc))
		require.NoError(t, err)
		var statements []string
		for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
			statements = append(statements, strings.Split(strings.TrimSpace(block[1]), ";\n")...)
		}
		for _, inline := range regexp.MustCompile("`(SELECT [^`]* FROM [^`]*)`").FindAllStringSubmatch(string(text), -1) {
			statements = append(statements, inline[1])
		}
		require.NotEmpty(t, statements, doc)
		for _, statement := range statements {
			if regexp.MustCompile(`(?m)^(INSERT|DROP)`).MatchString(statement) {
				_, err := asOwner.Exec(statement)
				require.NoError(t, err, statement)
				done++
				continue
			}
			rows, err := asReader.Query(statement)
			require.NoError(t, err, statement)
			require.True(t, rows.Next(), statement)
			require.NoError(t, rows.Close())
			asked++
		}
	}
	require.Equal(t, [2]int{6, 4}, [2]int{asked, done}, "asked and done")
	require.Equal(t, "Library", query(t, asReader, `SELECT name FROM vpn_traffic_name_history WHERE since = '-infinity'`))
}

// Who does not own the tables forgets nothing, and repairs nothing.
func TestOnlyTheOwnerForgets(t *testing.T) {
	t.Parallel()
	pg := withRoles(t)
	owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
	require.NoError(t, owner.Migrate(t.Context()))
	mustImport(t, owner, "gw", series(noon, 20))
	day := noon.Truncate(aDay)
	const all = `SELECT concat_ws(' ', (SELECT sum(src_bytes) FROM vpn_traffic), (SELECT sum(src_bytes) FROM vpn_traffic_hour_by_src),
		(SELECT count(*) FROM vpn_traffic_reports), (SELECT count(*) FROM vpn_traffic_values))`
	want := query(t, pg.DB(), all)
	pg.Exec("UPDATE vpn_traffic_minute_by_port SET src_bytes = 0")
	for _, role := range []string{"user=vpn_traffic_writer", "user=vpn_traffic_reader", "user=vpn_traffic_reader default_transaction_read_only=off"} {
		db, _ := openAs(t, pg, role)
		f := store.Forgotten{From: day, To: day}
		known, err := db.Known(t.Context(), &f)
		require.NoError(t, err)
		require.Len(t, known, 1)
		require.Error(t, db.Forget(t.Context(), &f, day), role)
		require.Error(t, db.ForgetNames(t.Context()), role)
		differences, err := db.Verify(t.Context(), day, false)
		require.NoError(t, err)
		require.Len(t, differences, 1, "whoever may read can verify")
		_, err = db.Verify(t.Context(), day, true)
		require.Error(t, err, role)
		require.Equal(t, want, query(t, pg.DB(), all), role)
	}
	differences, err := owner.Verify(t.Context(), day, true)
	require.NoError(t, err)
	require.Len(t, differences, 1)
	requireRollups(t, owner)
}

// Days are forgotten, and sums repaired, while the same reports come again and again:
// nothing is there twice, or by half.
func testForgottenMeanwhile(t *testing.T, db *store.DB, direct *sql.DB) {
	day := noon.Truncate(aDay)
	rows := append(series(noon, 200), series(noon.Add(time.Hour), 200)...)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { // until stop
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := db.Import(context.Background(), "gw", rows); err != nil && pgconn.ClassOf(err) != pgconn.Retry {
				t.Errorf("importing: %v", err)
				return
			}
		}
	}()
	for range 8 {
		require.NoError(t, db.Forget(t.Context(), &store.Forgotten{From: day, To: day}, day))
		require.NoError(t, db.ForgetNames(t.Context()))
		_, err := db.Verify(t.Context(), day, true)
		require.NoError(t, err)
	}
	close(stop)
	<-ended
	mustImport(t, db, "gw", rows)
	require.Equal(t, "400 400 800", query(t, direct, `SELECT concat_ws(' ', count(*), count(DISTINCT (time, src, dst)), sum(src_bytes)) FROM vpn_traffic`))
	require.Equal(t, "10.32.0.0, 10.32.0.0", query(t, direct, `SELECT string_agg(value, ', ') FROM (SELECT value FROM vpn_traffic_values WHERE kind = 'src'
		UNION ALL SELECT DISTINCT src FROM vpn_traffic) AS n`))
	requireRollups(t, db)
}
