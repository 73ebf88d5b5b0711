package main

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	traffic "telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// TestHeadReader makes a head and its shard as docs/scale.md says. Grafana's role can call
// what asks the shard, and can ask it nothing else.
func TestHeadReader(t *testing.T) {
	t.Parallel()
	pg := testkit.PGSetup{HBA: []string{"local vpn vpn_traffic_reader scram-sha-256", "local all all trust"}}.Start(t)
	roles := filepath.Join(testkit.Root(t), "deploy", "roles.sql")
	pg.Psql(nil, "-f", roles)
	pg.Exec(`ALTER ROLE vpn_traffic_reader PASSWORD 'secret'`, `CREATE DATABASE vpn_head`)
	p := build(t, pg.DSN())
	p.run(0, "migrate", "-dsn", pg.DSN()+" role=vpn_traffic_owner")
	addRow(t, pg.DSN())

	p.run(1, "migrate", "-head", "-dsn", pg.DSN())
	require.Contains(t, p.log.String(), "E! making the database a head: the database has tables of psql-sink")
	dsn := strings.Replace(pg.DSN(), "dbname=vpn", "dbname=vpn_head", 1)
	pg.Psql(nil, "-d", dsn, "-f", roles)
	p.run(1, "migrate", "-head", "-dsn", dsn+" role=vpn_traffic_owner")
	require.Contains(t, p.log.String(), "E! making the database a head takes a superuser the first time")
	for _, role := range []string{"", "", " role=vpn_traffic_owner"} {
		p.run(0, "migrate", "-head", "-dsn", dsn+role)
	}
	pg.Psql(nil, "-d", dsn, "-c", fmt.Sprintf(`SET ROLE vpn_traffic_owner;
		CREATE SERVER shard_a FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '%s', dbname 'vpn', connect_timeout '3', tcp_user_timeout '5000');
		CREATE USER MAPPING FOR CURRENT_USER SERVER shard_a OPTIONS (user 'vpn_traffic_reader', password 'secret')`, pg.Dir()))

	reader, err := sql.Open("postgres", strings.Replace(dsn, "user=postgres", "user=vpn_traffic_reader", 1))
	require.NoError(t, err)
	defer func() { _ = reader.Close() }()
	reader.SetMaxOpenConns(1) // which keeps the owner's connection to the shard
	requireRead(t, reader)
	for query, why := range map[string]string{
		`SELECT FROM vpn_traffic_ask('SELECT 1', 'n integer') AS a (n integer)`:                              "permission denied for function vpn_traffic_ask",
		`SELECT vpn_traffic_send('shard_a', 'SELECT 1', false)`:                                              "permission denied for function vpn_traffic_send",
		`SELECT vpn_traffic_ranked('SELECT 1', '', '', '', 'all', 1)`:                                        "permission denied for function vpn_traffic_ranked",
		`SELECT FROM dblink('shard_a', 'SELECT 1') AS a (n integer)`:                                         "permission denied for function dblink",
		`SELECT dblink_connect('mine', 'shard_a')`:                                                           "permission denied for function dblink_connect",
		`CREATE USER MAPPING FOR CURRENT_USER SERVER shard_a OPTIONS (user 'postgres', password 'postgres')`: "read-only transaction",
		`SELECT FROM vpn_traffic_totals('-infinity', 'infinity', 'src FROM pg_authid')`:                      "by is 'src FROM pg_authid'",
	} {
		_, err := reader.Exec(query)
		require.ErrorContains(t, err, why, query)
	}
	_, err = reader.Exec(`SET default_transaction_read_only = off`)
	require.NoError(t, err)
	_, err = reader.Exec(`CREATE USER MAPPING FOR CURRENT_USER SERVER shard_a`)
	require.ErrorContains(t, err, "permission denied for foreign server shard_a")
	var secret sql.NullString
	require.NoError(t, reader.QueryRow(`SELECT umoptions::text FROM pg_user_mappings`).Scan(&secret))
	require.False(t, secret.Valid, "the password")
	var super int
	require.NoError(t, reader.QueryRow(`SELECT count(*) FROM pg_proc JOIN pg_roles r ON r.oid = proowner WHERE proname LIKE 'vpn\_traffic\_%' AND rolsuper`).Scan(&super))
	require.Zero(t, super, "functions with a superuser's rights")
	var open int
	require.NoError(t, reader.QueryRow(`SELECT count(*) FROM pg_proc WHERE proname LIKE 'vpn\_traffic\_%' AND prosecdef AND has_function_privilege('vpn_traffic_annotator', oid, 'EXECUTE')`).Scan(&open))
	require.Zero(t, open, "functions with the owner's rights that are for everybody")
}

// requireRead calls all that asks a shard.
func requireRead(t *testing.T, reader *sql.DB) {
	t.Helper()
	for _, from := range []string{
		`vpn_traffic_totals('2026-01-02', '2026-01-03', 'src')`,
		`vpn_traffic_series('2026-01-02', '2026-01-03', '1 h', 'src', top => 3)`,
		`vpn_traffic_pairs('2026-01-02', '2026-01-03')`,
		`vpn_traffic_rates('2026-01-02', '2026-01-03', '1 day')`,
		`vpn_traffic_peers('2026-01-02', '2026-01-03')`,
		`vpn_traffic_values('src', '2026-01-02', '2026-01-03')`,
		`vpn_traffic_heard()`, `vpn_traffic_counts('2026-01-02', '2026-01-03')`, `vpn_traffic_sizes()`,
		`vpn_traffic_values`, `vpn_traffic_name_history`,
	} {
		var rows int
		require.NoError(t, reader.QueryRow(`SELECT count(*) FROM `+from).Scan(&rows), from)
		require.Positive(t, rows, from)
	}
	for _, from := range []string{`vpn_traffic_outages('2026-01-02', '2026-01-03')`, `vpn_traffic_gone`, `vpn_traffic_events`, `sink_status`, `vpn_traffic_silent()`, `vpn_traffic_interval('2026-01-03')`} {
		_, err := reader.Exec(`SELECT FROM ` + from)
		require.NoError(t, err, from)
	}
}

// addRow stores a row of 2026-01-02.
func addRow(t *testing.T, dsn string) {
	t.Helper()
	db, err := store.Open(dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.Import(t.Context(), "gw", []traffic.Row{{
		Time: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC).UnixNano(), Proto: "tcp", Port: 443, Src: "10.1.0.0", Dst: "10.2.0.0", SrcName: "one",
		SrcPackets: 3, SrcBytes: 1234, DstPackets: 4, DstBytes: 56789, ConnectionCount: 2, ConnectionTimes: 3000,
	}})
	require.NoError(t, err)
}
