package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// rightsOf is what roles may do beyond reading with rights of their own, a line
// for each table and function that runs with its owner's.
const rightsOf = `
	SELECT string_agg(line, E'\n' ORDER BY line) FROM (
		SELECT r || ' ' || c.relname || ' ' || string_agg(DISTINCT p, ' ') AS line
		FROM unnest('{stranger, vpn_traffic_reader, vpn_traffic_writer}'::text[]) r, pg_class c,
			unnest('{SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER}'::text[]) p
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND (r, p) <> ('vpn_traffic_reader', 'SELECT')
			AND (has_table_privilege(r, c.oid, p) OR p IN ('INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(r, c.oid, p))
		GROUP BY r, c.relname
		UNION ALL SELECT r || ' ' || f.proname || CASE WHEN proconfig::text LIKE '%search_path=public, pg_temp%' THEN '' ELSE ' not pinned' END
		FROM unnest('{stranger, vpn_traffic_reader, vpn_traffic_writer}'::text[]) r, pg_proc f
		WHERE f.pronamespace = 'public'::regnamespace AND f.prosecdef AND has_function_privilege(r, f.oid, 'EXECUTE')) AS lines`

const wantRights = `vpn_traffic_writer sink_status INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic INSERT SELECT
vpn_traffic_writer vpn_traffic_by_dst INSERT SELECT
vpn_traffic_writer vpn_traffic_by_port INSERT SELECT
vpn_traffic_writer vpn_traffic_by_src INSERT SELECT
vpn_traffic_writer vpn_traffic_day_by_dst SELECT
vpn_traffic_writer vpn_traffic_day_by_pair SELECT
vpn_traffic_writer vpn_traffic_day_by_port SELECT
vpn_traffic_writer vpn_traffic_day_by_src SELECT
vpn_traffic_writer vpn_traffic_day_total_by_dst SELECT
vpn_traffic_writer vpn_traffic_day_total_by_src SELECT
vpn_traffic_writer vpn_traffic_drop_partition
vpn_traffic_writer vpn_traffic_gone SELECT
vpn_traffic_writer vpn_traffic_hour_by_dst INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_hour_by_pair INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_hour_by_port INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_hour_by_src INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_hour_reports INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_hour_total_by_dst SELECT
vpn_traffic_writer vpn_traffic_hour_total_by_src SELECT
vpn_traffic_writer vpn_traffic_index_partition
vpn_traffic_writer vpn_traffic_list_sums
vpn_traffic_writer vpn_traffic_make_partitions
vpn_traffic_writer vpn_traffic_migrations SELECT
vpn_traffic_writer vpn_traffic_minute_by_dst INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_minute_by_port INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_minute_by_src INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_minute_reports INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_minute_total_by_dst INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_minute_total_by_src INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_month_by_pair SELECT
vpn_traffic_writer vpn_traffic_name_history DELETE INSERT SELECT
vpn_traffic_writer vpn_traffic_outdate
vpn_traffic_writer vpn_traffic_partitions SELECT
vpn_traffic_writer vpn_traffic_quarter_by_pair SELECT
vpn_traffic_writer vpn_traffic_quarter_day_by_pair SELECT
vpn_traffic_writer vpn_traffic_reports INSERT SELECT UPDATE
vpn_traffic_writer vpn_traffic_retention SELECT
vpn_traffic_writer vpn_traffic_sum_up
vpn_traffic_writer vpn_traffic_summarize
vpn_traffic_writer vpn_traffic_summed_up SELECT
vpn_traffic_writer vpn_traffic_sums_due SELECT
vpn_traffic_writer vpn_traffic_third_month_by_pair SELECT
vpn_traffic_writer vpn_traffic_tidy
vpn_traffic_writer vpn_traffic_values INSERT SELECT UPDATE`

// Whatever a database has been through, migrate leaves each role with what it needs.
func TestRightsAreThoseOfTheList(t *testing.T) {
	t.Parallel()
	pg := withRoles(t)
	pg.Exec("CREATE ROLE stranger LOGIN", "DROP TABLE public.foreign_table")
	roles := filepath.Join(testkit.Root(t), "deploy", "roles.sql")
	migrate := func() {
		owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
		require.NoError(t, owner.Migrate(t.Context()))
		require.NoError(t, owner.Install(t.Context()))
	}
	migrate()
	direct := pg.DB()
	require.Equal(t, wantRights, query(t, direct, rightsOf))

	pg.Exec("GRANT ALL ON ALL TABLES IN SCHEMA public TO vpn_traffic_writer, vpn_traffic_reader",
		"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO vpn_traffic_reader, PUBLIC")
	migrate()
	require.Equal(t, wantRights, query(t, direct, rightsOf), "taken away again")

	dump := filepath.Join(t.TempDir(), "dump")
	require.NoError(t, os.WriteFile(dump, []byte(pg.Dump("--no-owner", "--no-privileges")), 0o600))
	pg.Exec("DROP SCHEMA public, other, traffic CASCADE", "CREATE SCHEMA public")
	file, err := os.Open(dump)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	pg.Psql(file)
	require.Contains(t, query(t, direct, rightsOf), "stranger vpn_traffic_drop_partition")
	pg.Psql(nil, "-f", roles)
	super, err := store.Open(pg.DSN()) // the owner's role is taken without being asked for
	require.NoError(t, err)
	defer func() { require.NoError(t, super.Close()) }()
	require.NoError(t, super.Install(t.Context()))
	require.Equal(t, wantRights, query(t, direct, rightsOf), "restored")
	require.Equal(t, "0", query(t, direct, `SELECT count(*) FROM pg_proc WHERE proname LIKE 'vpn\_traffic%' AND proowner <> 'vpn_traffic_owner'::regrole`))
	writer, _ := openAs(t, pg, "user=vpn_traffic_writer")
	require.NoError(t, cycle(t, writer, noon))
}

// Neither a clock nor a thief drops what the owner wants kept.
func TestTheOwnerSaysWhatMayBeDropped(t *testing.T) {
	t.Parallel()
	pg := withRoles(t)
	owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
	require.NoError(t, owner.Migrate(t.Context()))
	writer, direct := openAs(t, pg, "user=vpn_traffic_writer")
	at := time.Now().AddDate(0, 0, -20)
	mustImport(t, writer, "gw", append(series(at, 5), series(time.Now(), 5)...))
	partition := "vpn_traffic_" + at.UTC().Format("20060102")
	week := schema.Retention{Raw: 7 * 24 * time.Hour}

	_, err := direct.Exec(`SELECT vpn_traffic_drop_partition($1)`, partition)
	require.NotNil(t, pq.As(err, pqerror.InsufficientPrivilege), "%v", err)
	require.ErrorContains(t, err, partition+" is not as old as vpn_traffic_retention says")
	done, err := writer.Retain(t.Context(), time.Now(), week)
	require.NoError(t, err)
	require.Empty(t, done.Dropped)
	require.Equal(t, 4, done.Withheld)

	require.Error(t, writer.Allow(t.Context(), week))
	require.NoError(t, owner.Allow(t.Context(), week))
	done, err = writer.Retain(t.Context(), time.Now(), week)
	require.NoError(t, err)
	require.Len(t, done.Dropped, 4)
	require.Zero(t, done.Withheld)
}

// What a reader holds for ever holds up nobody.
func TestAReaderHoldsUpNoImport(t *testing.T) {
	t.Parallel()
	pg := withRoles(t)
	owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
	require.NoError(t, owner.Migrate(t.Context()))
	_, reader := openAs(t, pg, "user=vpn_traffic_reader", "default_transaction_read_only=off")
	tx, err := reader.Begin()
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.Exec(`SELECT pg_advisory_xact_lock(8534442650121691494), pg_advisory_xact_lock(1986948451, hashtext('gw')), count(*) FROM vpn_traffic`)
	require.NoError(t, err)
	for _, table := range strings.Fields(query(t, pg.DB(), `SELECT string_agg(relname, ' ') FROM pg_class WHERE relname LIKE 'vpn\_traffic%' AND relkind IN ('r', 'p')`)) {
		_, err := tx.Exec("LOCK TABLE " + table + " IN ACCESS SHARE MODE")
		require.NoError(t, err)
	}
	writer, _ := openAs(t, pg, "user=vpn_traffic_writer")
	require.NoError(t, cycle(t, writer, noon))
	require.NoError(t, owner.Install(t.Context()))
}
