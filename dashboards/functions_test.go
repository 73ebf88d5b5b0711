package main

import (
	"database/sql"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// value asks for a single value.
func scalar[T any](t testing.TB, db *sql.DB, query string, args ...any) (value T) {
	t.Helper()
	require.NoError(t, db.QueryRow(query, args...).Scan(&value), query)
	return value
}

const (
	seriesBytes = `SELECT coalesce(sum(src_bytes), 0)::bigint FROM vpn_traffic_series($1, $2, $3, $4)`
	totalBytes  = `SELECT coalesce(sum(src_bytes), 0)::bigint FROM vpn_traffic_totals($1, $2, $3)`
)

// Where retention has dropped what is fine, coarser sums answer.
func TestFunctionsOutliveRetention(t *testing.T) {
	t.Parallel()
	db := filled(t)
	want := scalar[int64](t, db, `SELECT sum(src_bytes) FROM vpn_traffic`)
	open := scalar[float64](t, db, `SELECT open_connections FROM vpn_traffic_totals($1, $2)`, begin, end)
	pairs := `SELECT sum(src_bytes)::bigint FROM vpn_traffic_pairs($1, $2)`
	check := func(step string, seconds int) {
		t.Helper()
		for _, by := range []string{"", "src", "dst", "service", "host"} {
			require.Equal(t, want, scalar[int64](t, db, seriesBytes, begin, end, step, by), by)
			require.Equal(t, want, scalar[int64](t, db, totalBytes, begin, end, by), by)
		}
		require.Equal(t, want, scalar[int64](t, db, pairs, begin, end))
		require.InEpsilon(t, open, scalar[float64](t, db, `SELECT open_connections FROM vpn_traffic_totals($1, $2)`, begin, end), 1e-12)
		require.Equal(t, seconds, scalar[int](t, db, `SELECT max(seconds) FROM vpn_traffic_series($1, $2, $3)`, begin, end, step))
	}
	drop := func(parents string) {
		t.Helper()
		_, err := db.Exec(`SELECT vpn_traffic_drop_partition(name) FROM vpn_traffic_partitions WHERE retention = $1`, parents)
		require.NoError(t, err)
	}
	check("15 s", 15)
	check("7 s", 15)
	check("40 s", 45)
	drop("raw")
	check("15 s", 60)
	check("61 s", 120)
	// The ends move outwards to whole minutes, never inwards.
	crooked := begin.Add(61*time.Minute + 7*time.Second)
	require.Equal(t,
		scalar[int64](t, db, totalBytes, crooked.Truncate(time.Minute), end.Add(-time.Minute), "src"),
		scalar[int64](t, db, totalBytes, crooked, end.Add(-time.Minute-9*time.Second), "src"))
	drop("minute")
	check("15 s", 3600)
	check("90 m", 7200)
}

// Neither a filter nor a name of the caller's can become a part of a statement.
func TestFunctionsQuote(t *testing.T) {
	t.Parallel()
	traffic := knownTraffic()
	odd := []string{`'`, `"`, `{a,b}`, `a'); DROP TABLE vpn_traffic; --`, `$1 %s %L`, `→`, `NULL`, `,`, `\`}
	for i, host := range odd {
		row := traffic["gw1"][i]
		traffic[host] = []reportfile.Row{row}
	}
	db := filledWith(t, testkit.Database(t), traffic)
	for i, host := range odd {
		require.Equal(t, traffic["gw1"][i].SrcBytes, scalar[int64](t, db,
			`SELECT sum(src_bytes)::bigint FROM vpn_traffic_totals($1, $2, 'host', host => ARRAY[$3])`, begin, end, host), host)
		require.Equal(t, 1, scalar[int](t, db, `SELECT count(*) FROM vpn_traffic_series($1, $2, '1 day', 'host', host => ARRAY[$3])`, begin, end, host))
		for _, column := range []string{"src", "dst", "proto"} {
			require.Equal(t, 0, scalar[int](t, db, `SELECT count(*) FROM vpn_traffic_totals($1, $2, `+column+` => ARRAY[$3])`, begin, end, host))
			require.Equal(t, 0, scalar[int](t, db, `SELECT count(*) FROM vpn_traffic_pairs($1, $2, `+column+` => ARRAY[$3])`, begin, end, host))
		}
	}
	for query, complaint := range map[string]string{
		`SELECT vpn_traffic_series($1, $2, '1 m', 'src; DROP')`:              `by is 'src; DROP'`,
		`SELECT vpn_traffic_totals($1, $2, 'time')`:                          `by is 'time'`,
		`SELECT vpn_traffic_totals($1, $2, measure => 'src_bytes')`:          `measure is 'src_bytes'`,
		`SELECT vpn_traffic_pairs($1, $2, measure => NULL)`:                  `measure is NULL`,
		`SELECT vpn_traffic_totals($1, $2, port => ARRAY['443 OR 1=1'])`:     `invalid input syntax for type integer`,
		`SELECT vpn_traffic_series($1, $2, '1 m', port => ARRAY['-1)--'])`:   `invalid input syntax for type integer`,
		`SELECT vpn_traffic_series($1, $2, '1 m', by => 'host', top => '1')`: ``,
		`SELECT vpn_traffic_series($1, $2, '1 m', 'src', top => -1)`:         `top is -1, which is less than 0`,
		`SELECT vpn_traffic_totals($1, $2, 'src', top => -1)`:                `top is -1`,
		`SELECT vpn_traffic_pairs($1, $2, top => -1)`:                        `top is -1`,
		`SELECT vpn_traffic_rates($1, $2, '5 m', top => -1)`:                 `top is -1`,
		`SELECT vpn_traffic_peers($1, $2, top => -1)`:                        `top is -1`,
		`SELECT vpn_traffic_peers($1, $2, top => 0)`:                         ``,
	} {
		_, err := db.Exec(query, begin, end)
		if complaint == "" {
			require.NoError(t, err, query)
		} else {
			require.ErrorContains(t, err, complaint, query)
		}
	}
}

// Two columns, or two rows, may be more together than a column holds.
func TestFunctionsAddUpTheGreatest(t *testing.T) {
	t.Parallel()
	traffic := known{}
	for i, host := range []string{"gw1", "gw2"} {
		row := knownTraffic()["gw1"][i]
		row.SrcBytes, row.DstBytes, row.SrcPackets, row.DstPackets = math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64
		traffic[host] = []reportfile.Row{row}
	}
	db := filledWith(t, testkit.Database(t), traffic)
	for call, sum := range map[string]string{
		`vpn_traffic_series($1, $2, '1 m', 'src', top => 1, measure => 'bytes')`:              "src_bytes + dst_bytes",
		`vpn_traffic_series($1, $2, '1 m', 'src', top => 1, measure => 'packets')`:            "src_packets + dst_packets",
		`vpn_traffic_series($1, $2, '1 m', 'src', measure => 'bytes')`:                        "src_bytes + dst_bytes",
		`vpn_traffic_series($1, $2, '15 s', 'src', top => 1)`:                                 "src_packets + dst_packets",
		`vpn_traffic_series($1, $1::timestamptz + interval '15 m', '15 s', 'pair', top => 1)`: "src_bytes + dst_bytes",
		`vpn_traffic_totals($1, $2, 'src', top => 1)`:                                         "src_bytes + dst_bytes",
		`vpn_traffic_pairs($1, $2)`:                                                           "src_bytes + dst_bytes",
		`vpn_traffic_peers($1, $2)`:                                                           "bytes",
		`vpn_traffic_rates($1, $1::timestamptz + interval '5 m', '5 m')`:                      "300 * rate",
	} {
		require.Equal(t, "36893488147419103228", scalar[string](t, db, `SELECT round(sum(`+sum+`)) FROM `+call+` WHERE $2 > $1`, begin, end), call)
	}
}

// filledWith fills a database with hosts whose reports are too small to be cut.
func filledWith(t *testing.T, pg *testkit.PG, traffic known) *sql.DB {
	t.Helper()
	db, err := store.Open(pg.DSN())
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.Migrate(t.Context()))
	for host, rows := range traffic {
		_, err := db.Import(t.Context(), host, rows)
		require.NoError(t, err)
	}
	return pg.DB()
}

// A reader needs to read, and nothing else: no schema in its search_path, no
// style of dates.
func TestFunctionsRunAsTheCaller(t *testing.T) {
	t.Parallel()
	db := filledWith(t, testkit.Postgres(t), known{"gw1": knownTraffic()["gw1"][:100]})
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		`CREATE ROLE grafana`, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO grafana`, `SET ROLE grafana`,
		`SET search_path = ''`, `SET datestyle = 'SQL, DMY'`, `SET timezone = 'Asia/Kolkata'`,
	} {
		_, err := db.Exec(statement)
		require.NoError(t, err)
	}
	require.Positive(t, scalar[int64](t, db, `SELECT sum(src_bytes)::bigint FROM public.vpn_traffic_totals($1, $2)`, begin, end))
	require.Positive(t, scalar[int64](t, db, `SELECT sum(src_bytes)::bigint FROM public.vpn_traffic_series($1, $2, '1 m')`, begin, end))
	_, err := db.Exec(`RESET ROLE; REVOKE SELECT ON public.vpn_traffic FROM grafana; SET ROLE grafana`)
	require.NoError(t, err)
	_, err = db.Exec(`SELECT * FROM public.vpn_traffic_pairs($1, $2, ARRAY['10.32.1.0'])`, begin, end)
	require.ErrorContains(t, err, "permission denied", "the rights are the caller's")
}

// Steps are never finer than reports, nor are there too many.
func TestSeriesSteps(t *testing.T) {
	t.Parallel()
	slow := known{}
	for n := range 50 {
		row := knownTraffic()["gw1"][0]
		row.Time = begin.Add(time.Duration(n) * 5 * time.Minute).UnixNano()
		slow["gw1"] = append(slow["gw1"], row)
	}
	db := filledWith(t, testkit.Database(t), slow)
	seconds := `SELECT max(seconds) FROM vpn_traffic_series($1, $2, $3)`
	require.Equal(t, 300, scalar[int](t, db, seconds, begin, end, "1 s"))
	require.Equal(t, 600, scalar[int](t, db, seconds, begin, end, "6 m"))
	require.Equal(t, 3000, scalar[int](t, db, seconds, begin, end, "50 m"))
	require.Equal(t, 7200, scalar[int](t, db, seconds, begin, end, "70 m"))
	require.LessOrEqual(t, scalar[int](t, db, `SELECT count(*) FROM vpn_traffic_series($1, $2, '1 s')`, end.Add(-20000*time.Hour), end), 5000)
	require.Equal(t, 21600, scalar[int](t, db, seconds, end.AddDate(0, 0, -100), end, "6 h"))
	require.Equal(t, 86400, scalar[int](t, db, seconds, end.AddDate(0, 0, -101), end, "6 h"))
	require.Equal(t, 2*86400, scalar[int](t, db, seconds, end.AddDate(0, 0, -101), end, "25 h"))
	// One row is one step: the same rate whatever the step.
	for _, step := range []string{"1 s", "10 m", "1 h"} {
		require.Equal(t, slow["gw1"][0].SrcBytes, scalar[int64](t, db,
			`SELECT (sum(src_bytes) * 300 / sum(seconds))::bigint FROM vpn_traffic_series($1, $2, $3)`, begin, end, step), step)
	}
	// A step that is not over is not returned.
	require.Equal(t, 0, scalar[int](t, db, `SELECT count(*) FROM vpn_traffic_series(now(), now() + interval '1 hour', '1 m')`))
	require.Equal(t, 0, scalar[int](t, db, `SELECT count(*) FROM vpn_traffic_totals($1, $1)`, end), "an empty range")
	require.Equal(t, 0, scalar[int](t, db, `SELECT count(*) FROM vpn_traffic_totals($2, $1, 'src')`, begin, end), "a range of less than nothing")
}

func TestPostgresVariables(t *testing.T) {
	t.Parallel()
	db := filled(t)
	want := map[string][]string{
		"host":  {"gw1", "gw2"},
		"proto": {"icmp", "tcp", "udp"},
		"port":  {"-1", "53", "443"},
		"dst":   {"10.33.0.0", "10.33.1.0", "10.33.2.0"},
	}
	for n := range 12 {
		want["src"] = append(want["src"], knownTraffic()["gw1"][0].Src[:6]+string("0123456789"[n/10])[:n/10]+string("0123456789"[n%10])+".0")
	}
	for _, file := range files("postgres") {
		d := load(t, file)
		for _, variable := range d.Templating.List {
			if variable.Type != "query" {
				continue
			}
			names := func(v view) (values, texts []string) {
				rows, err := db.Query(v.sql(t, d, variable.Query.(string), time.Minute))
				require.NoError(t, err)
				frame := frameOf(t, rows)
				require.Equal(t, "__value", frame.Fields[0].Name)
				require.Equal(t, "__text", frame.Fields[1].Name)
				for row := range frame.Rows() {
					values = append(values, text(t, frame, "__value", row))
					texts = append(texts, text(t, frame, "__text", row))
				}
				return values, texts
			}
			values, texts := names(view{from: begin, to: end})
			require.Equal(t, want[variable.Name], values, "in their order")
			if variable.Name == "port" {
				require.Equal(t, "other", texts[0])
			}
			before, _ := names(view{from: begin.Add(-72 * time.Hour), to: begin.Add(-48 * time.Hour)})
			require.Empty(t, before, "a variable follows the range")
		}
	}
}

// What dashboards show of a value stands for it: links of the matrix have no more.
func TestLabelsStandForAddresses(t *testing.T) {
	t.Parallel()
	db := filledWithNames(t)
	for column, labels := range map[string][2]string{
		"src": {`10.32.11.0`, `R&D, "2nd" floor (10.32.11.0)`}, "dst": {`10.33.1.0`, `Web (10.33.1.0)`}, "port": {"-1", "other"},
	} {
		sum := `SELECT sum(src_bytes)::bigint FROM vpn_traffic_totals($1, $2, ` + column + ` => ARRAY[$3])`
		require.Equal(t, scalar[int64](t, db, sum, begin, end, labels[0]), scalar[int64](t, db, sum, begin, end, labels[1]), column)
	}
}

// A gateway that reports every minute has no gaps between its reports, though another
// one reports every 15 seconds; but where it was silent.
func TestSeriesEndsLinesWhereReportsAreLate(t *testing.T) {
	t.Parallel()
	row := knownTraffic()["gw1"][0]
	traffic := known{}
	for n := range 240 {
		row.Time = begin.Add(time.Duration(n) * pace).UnixNano()
		if n < 100 || n >= 120 {
			traffic["quick"] = append(traffic["quick"], row)
		}
		if n%4 == 0 && (n < 100 || n >= 120) {
			traffic["slow"] = append(traffic["slow"], row)
		}
	}
	db := filledWith(t, testkit.Database(t), traffic)
	for host, after := range map[string]time.Duration{"quick": 100 * pace, "slow": 100 * pace} {
		gap := scalar[time.Time](t, db, `SELECT string_agg(time::text, ', ')::timestamptz FROM vpn_traffic_series($1, $2, '15 s', 'src', host => ARRAY[$3]) WHERE seconds IS NULL`,
			begin, begin.Add(time.Hour), host)
		require.Equal(t, begin.Add(after), gap.UTC(), host)
	}
	require.Equal(t, 120*2, scalar[int](t, db, `SELECT (2 * count(src_bytes) / count(DISTINCT key))::int FROM vpn_traffic_series($1, $2, '30 s', 'src') WHERE seconds IS NOT NULL`,
		begin, begin.Add(time.Hour))+20)
}
