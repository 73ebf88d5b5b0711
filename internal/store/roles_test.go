package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// withRoles applies deploy/roles.sql and has the owner make the schema.
func withRoles(t *testing.T, args ...string) *testkit.PG {
	t.Helper()
	pg := testkit.Postgres(t)
	pg.Exec("CREATE SCHEMA traffic", "CREATE SCHEMA other", "CREATE TABLE other.secret (n int)",
		"CREATE TABLE public.foreign_table (n int)")
	roles := filepath.Join(testkit.Root(t), "deploy", "roles.sql")
	for range 2 { // the second time changes nothing
		pg.Psql(nil, append([]string{"-f", roles}, args...)...)
	}
	return pg
}

func openAs(t *testing.T, pg *testkit.PG, role string, more ...string) (*store.DB, *sql.DB) {
	t.Helper()
	dsn := "dbname=vpn sslmode=disable host=" + pg.Dir() + " " + role + " " + strings.Join(more, " ")
	db, err := store.Open(dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	direct, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, direct.Close()) })
	return db, direct
}

// cycle is all that the sink ever does: new rows, new days and their indexes, rows
// that come again, late rows, sums of a month, retention, its status.
func cycle(t *testing.T, db *store.DB, at time.Time) error {
	t.Helper()
	if err := db.Migrate(t.Context()); err != nil {
		return err
	}
	db.IndexLater()
	rows := series(at, 20)
	rows[0].OpenConnections, rows[0].HasOpen = 0, false
	rows[0].SrcName, rows[15].DstName = "East of "+at.String(), "Web"
	for _, part := range []int{1, 10, 10, 20} { // the first has no open_connections
		if _, err := db.Import(t.Context(), "gw", rows[:part]); err != nil {
			return err
		}
	}
	if err := db.Index(t.Context(), func(string) {}); err != nil {
		return err
	}
	if _, err := db.SumUp(t.Context(), time.Minute); err != nil {
		return err
	}
	days, err := db.Days(t.Context(), at, at)
	if err != nil {
		return err
	}
	for _, day := range days {
		if _, err := db.Verify(t.Context(), day, false); err != nil {
			return err
		}
	}
	units, err := db.Units(t.Context(), at, at)
	if err != nil {
		return err
	}
	for _, unit := range units {
		if _, err := db.VerifyUnit(t.Context(), unit, false); err != nil {
			return err
		}
	}
	keep := schema.Retention{Raw: 24 * time.Hour, Minute: 24 * time.Hour, Hour: 24 * time.Hour}
	if _, err := db.Import(t.Context(), "gw", series(time.Now(), 1)); err != nil { // what is newest is not dropped
		return err
	}
	done, err := db.Retain(t.Context(), time.Now(), keep)
	for _, kept := range done.Kept {
		err = errors.Join(err, kept.Err)
	}
	if err != nil {
		return err
	}
	if _, err := db.Import(t.Context(), "gw", rows); err != nil { // expired
		return err
	}
	for range 2 {
		if err := db.SaveStatus(t.Context(), store.Status{Sink: "gw:/spool", Started: at}); err != nil {
			return err
		}
	}
	if err := db.Summarize(t.Context()); err != nil {
		return err
	}
	return db.Query(t.Context(), func(query *store.Query) error {
		_, err := query.Totals(t.Context(), &store.Filter{Since: beginning, Until: end}, "src", 10)
		return err
	})
}

func TestTheWriterHasTheRightsItNeedsAndNoMore(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	pg := withRoles(t)
	owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
	require.NoError(t, owner.Migrate(t.Context()))
	db, direct := openAs(t, pg, "user=vpn_traffic_writer")
	require.NoError(t, cycle(t, db, noon))
	mustImport(t, db, "gw", series(noon.AddDate(0, 0, 30), 5))

	denied := func(statement string) {
		t.Helper()
		_, err := direct.Exec(statement)
		require.NotNil(t, pq.As(err, pqerror.InsufficientPrivilege), "%s: %v", statement, err)
	}
	tables := strings.Fields(query(t, pg.DB(), `SELECT string_agg(relname, ' ') FROM pg_class
		WHERE relname LIKE 'vpn_traffic%' AND relkind IN ('r', 'p')`))
	require.Greater(t, len(tables), 30)
	for _, table := range tables {
		denied("DROP TABLE " + table)
		denied("TRUNCATE " + table)
		denied("ALTER TABLE " + table + " ADD COLUMN n int")
	}
	for _, statement := range []string{
		"DELETE FROM vpn_traffic", "UPDATE vpn_traffic SET src_bytes = 0",
		"DELETE FROM vpn_traffic_hour_by_src", "UPDATE vpn_traffic_by_src SET src_bytes = 0", "UPDATE vpn_traffic_hour_by_src SET time = now()",
		"DELETE FROM vpn_traffic_reports", "UPDATE vpn_traffic_reports SET expired = true", "DELETE FROM vpn_traffic_hour_reports", "DELETE FROM vpn_traffic_values",
		"UPDATE vpn_traffic_retention SET keep = '0'", "DELETE FROM vpn_traffic_retention", "INSERT INTO vpn_traffic_retention VALUES ('raw', '0')",
		"CREATE TEMPORARY TABLE mine (n int)", "SELECT vpn_traffic_drop_partition('vpn_traffic_" + time.Now().UTC().Format("20060102") + "')",
		"INSERT INTO vpn_traffic_migrations (version) VALUES (99)", "SELECT * FROM vpn_traffic_tables",
		"UPDATE vpn_traffic_tables SET name = 'other.secret'", "SELECT * FROM vpn_traffic_20231214",
		"CREATE TABLE mine (n int)", "SELECT * FROM other.secret", "SELECT * FROM foreign_table", "CREATE SCHEMA mine",
		"SET ROLE vpn_traffic_owner", "ALTER FUNCTION vpn_traffic_make_partitions(date, boolean) SECURITY INVOKER",
	} {
		denied(statement)
	}

	// Each right is one that the cycle misses when it is gone.
	rights, err := pg.DB().Query(`SELECT privilege_type, table_name FROM information_schema.role_table_grants WHERE grantee = 'vpn_traffic_writer'
		UNION ALL SELECT 'UPDATE (' || string_agg(column_name, ', ') || ')', table_name FROM information_schema.column_privileges c
			WHERE grantee = 'vpn_traffic_writer' AND privilege_type = 'UPDATE' AND NOT has_table_privilege(grantee, table_name, 'UPDATE') GROUP BY table_name
		UNION ALL SELECT 'EXECUTE', 'FUNCTION ' || p.oid::regprocedure FROM pg_proc p, aclexplode(proacl) a
		WHERE a.grantee = 'vpn_traffic_writer'::regrole ORDER BY 1, 2`)
	require.NoError(t, err)
	defer func() { _ = rights.Close() }()
	n := 0
	for rights.Next() {
		var right, on string
		require.NoError(t, rights.Scan(&right, &on))
		pg.Exec(fmt.Sprintf("REVOKE %s ON %s FROM vpn_traffic_writer", right, on))
		fresh, _ := openAs(t, pg, "user=vpn_traffic_writer")
		n++
		err := cycle(t, fresh, noon.AddDate(0, -n, 1-noon.Day())) // with a first day of a month, the month is verified
		require.NotNil(t, pq.As(err, pqerror.InsufficientPrivilege), "%s on %s is granted but not needed: %v", right, on, err)
		require.Equal(t, pgconn.Retry, pgconn.ClassOf(err))
		pg.Exec(fmt.Sprintf("GRANT %s ON %s TO vpn_traffic_writer", right, on))
	}
	require.NoError(t, rights.Err())
	require.Greater(t, n, 40)
}

func TestTheReaderReadsAndNoMore(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{"public": nil, "traffic": {"-v", "schema=traffic"}} {
		t.Run(name, func(t *testing.T) {
			pg := withRoles(t, args...)
			owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner search_path="+name)
			require.NoError(t, owner.Migrate(t.Context()))
			writer, _ := openAs(t, pg, "user=vpn_traffic_writer")
			mustImport(t, writer, "gw", series(noon, 5)) // new partitions among it
			pg.Exec("SET ROLE vpn_traffic_owner; CREATE TABLE " + name + ".vpn_traffic_of_the_next_version (n int)")

			_, direct := openAs(t, pg, "user=vpn_traffic_reader")
			require.Equal(t, "off 32MB 4GB 5min 5min 50 on "+name, query(t, direct, `SELECT concat_ws(' ', current_setting('jit'), current_setting('work_mem'),
				current_setting('temp_file_limit'), current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'),
				(SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user), current_setting('default_transaction_read_only'), current_setting('search_path'))`))
			require.Equal(t, "5", query(t, direct, `SELECT count(*) FROM vpn_traffic`))
			for _, ask := range []string{
				`SELECT sum(src_packets) FROM vpn_traffic_totals('2023-11-14Z', '2023-11-15Z', 'src')`,
				`SELECT sum(src_packets) FROM vpn_traffic_series('2023-11-14Z', '2023-11-15Z', '1 hour', 'service')`,
				`SELECT count(*) FROM vpn_traffic_values('dst', '2023-11-14Z', '2023-11-15Z')`,
			} {
				require.Equal(t, "5", query(t, direct, ask), ask)
			}
			tables := strings.Fields(query(t, direct, `SELECT string_agg(relname, ' ') FROM pg_class
				WHERE (relname LIKE 'vpn_traffic%' OR relname = 'sink_status') AND relkind IN ('r', 'p', 'v')`))
			require.Greater(t, len(tables), 30)
			require.Contains(t, tables, "sink_status")
			require.Contains(t, tables, "vpn_traffic_20231114")
			require.Contains(t, tables, "vpn_traffic_of_the_next_version")
			for _, table := range tables {
				_, err := direct.Exec("SELECT * FROM " + table + " LIMIT 1")
				require.NoError(t, err, table)
			}
			_, bold := openAs(t, pg, "user=vpn_traffic_reader default_transaction_read_only=off")
			for _, table := range tables {
				for _, statement := range []string{"DELETE FROM ", "DROP TABLE ", "TRUNCATE "} {
					if table == "vpn_traffic_partitions" || table == "vpn_traffic_sums_due" {
						continue // views
					}
					_, err := bold.Exec(statement + table)
					require.NotNil(t, pq.As(err, pqerror.InsufficientPrivilege), "%s%s: %v", statement, table, err)
				}
			}
			for _, statement := range []string{
				"INSERT INTO vpn_traffic_values VALUES ('a', 'b', now(), now())", "SELECT vpn_traffic_make_partitions('2024-01-01')",
				"SELECT vpn_traffic_drop_partition('vpn_traffic_20231114')", "SELECT * FROM other.secret", "CREATE TABLE mine (n int)",
				"CREATE TEMPORARY TABLE mine (n int)", "SET temp_file_limit = -1", "ALTER ROLE vpn_traffic_reader CONNECTION LIMIT 1000",
			} {
				_, err := bold.Exec(statement)
				require.NotNil(t, pq.As(err, pqerror.InsufficientPrivilege), "%s: %v", statement, err)
			}
		})
	}
}

func TestARoleThatMayNotMigrateIsToldSo(t *testing.T) {
	t.Parallel()
	pg := withRoles(t)
	db, _ := openAs(t, pg, "user=vpn_traffic_writer")
	refused := func(want string) {
		t.Helper()
		err := db.Migrate(t.Context())
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `have its owner run "psql-sink migrate"`)
		require.ErrorIs(t, err, schema.ErrNotMigrated)
		require.Equal(t, pgconn.Retry, pgconn.ClassOf(err))
		require.Equal(t, "the schema is not ready", pgconn.Describe(err))
		require.True(t, pgconn.IsMisconfigured(err))
	}
	refused(`the tables are missing, and role "vpn_traffic_writer" may make none in schema "public"`)
	pg.Exec("REVOKE USAGE ON SCHEMA public FROM vpn_traffic_writer, PUBLIC")
	refused(`role "vpn_traffic_writer" may use no schema of its search_path`)
	pg.Exec("GRANT USAGE ON SCHEMA public TO vpn_traffic_writer, vpn_traffic_owner")

	owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
	require.NoError(t, owner.Migrate(t.Context()))
	require.NoError(t, db.Migrate(t.Context()))
	pg.Exec("DELETE FROM vpn_traffic_migrations WHERE version = (SELECT max(version) FROM vpn_traffic_migrations)")
	refused(`role "vpn_traffic_writer" may not do all that this version of the schema takes`)
	pg.Exec("REVOKE ALL ON vpn_traffic_migrations FROM vpn_traffic_writer")
	refused(`role "vpn_traffic_writer" may not do all that this version of the schema takes`)
}

// Tables that the sink has made itself are handed over to the owner.
func TestMovingToRoles(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	pg.Exec(`CREATE ROLE "psql-sink" LOGIN`, `GRANT CREATE ON SCHEMA public TO "psql-sink"`)
	alone, _ := openAs(t, pg, "user=psql-sink")
	require.NoError(t, alone.Migrate(t.Context()))
	mustImport(t, alone, "gw", series(noon, 5))

	pg.Psql(nil, "-f", filepath.Join(testkit.Root(t), "deploy", "roles.sql"))
	pg.Exec(`REASSIGN OWNED BY "psql-sink" TO vpn_traffic_owner`)
	owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
	require.NoError(t, owner.Migrate(t.Context()))
	require.NoError(t, owner.Install(t.Context()))

	writer, _ := openAs(t, pg, "user=vpn_traffic_writer")
	require.NoError(t, writer.Migrate(t.Context()))
	rows := append(series(noon, 6), series(noon.AddDate(0, 1, 0), 5)...)
	require.Equal(t, store.Result{Inserted: 6, Duplicates: 5}, mustImport(t, writer, "gw", rows))
	testkit.RequireExact(t, pg.DB())
	_, reader := openAs(t, pg, "user=vpn_traffic_reader")
	require.Equal(t, "6", query(t, reader, `SELECT count(*) FROM vpn_traffic_20231114`))
	_, err := alone.Import(t.Context(), "gw", series(noon, 7))
	require.NotNil(t, pq.As(err, pqerror.InsufficientPrivilege), "%v", err)
}
