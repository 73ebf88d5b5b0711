package main

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// output runs a subcommand to its end, and returns what it printed and its exit
// code.
func (p *program) output(args ...string) (output string, code int) {
	p.t.Helper()
	cmd := exec.Command(p.path, append(args, "-config", p.config)...)
	text, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		require.NoError(p.t, err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

func TestUpgradeAndVerify(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	text, code := p.output("upgrade")
	require.Equal(t, 1, code)
	require.Contains(t, text, "E! renaming the old table: there is no old table")
	require.NotContains(t, text, "again")
	text, code = p.output("verify")
	require.Equal(t, 1, code)
	require.Contains(t, text, "has no tables or functions of this version: start psql-sink once")

	_, err := pg.DB().Exec(`
		CREATE TABLE vpn_traffic (id serial PRIMARY KEY, time timestamptz, src varchar(16), dst varchar(16), proto varchar(4), port int,
			src_packets bigint, src_bytes bigint, dst_packets bigint, dst_bytes bigint, connection_times int, connection_count int, open_connections int,
			UNIQUE (time, src, dst, proto, port));
		INSERT INTO vpn_traffic (time, src, dst, proto, port, src_bytes) SELECT '2023-11-14Z'::timestamptz + n * interval '1 hour', '10.0.0.1', '10.0.0.2', 'tcp', 80, n
			FROM generate_series(1, 40) n`)
	require.NoError(t, err)
	text, code = p.output("upgrade")
	require.Zero(t, code, text)
	require.Contains(t, text, "40 rows came over, 0 were there already, 0 are not rows")
	text, code = p.output("verify")
	require.Zero(t, code, text)
	require.Equal(t, "2 days and 0 longer sums verified, 0 differences\n", text)

	_, err = pg.DB().Exec(`UPDATE vpn_traffic_hour_by_pair SET src_bytes = 0 WHERE time = '2023-11-15 12:00Z'`)
	require.NoError(t, err)
	text, code = p.output("verify", "-to", "2023-11-14")
	require.Zero(t, code, text)
	text, code = p.output("verify")
	require.Equal(t, 1, code)
	require.Contains(t, text, "2023-11-15 vpn_traffic_hour_by_pair: 1 keys differ from vpn_traffic\n")
	text, code = p.output("verify", "-repair")
	require.Zero(t, code, text)
	require.Contains(t, text, "1 keys differ from vpn_traffic, replaced\n")
	text, code = p.output("verify")
	require.Zero(t, code, text)

	text, code = p.output("verify", "-from", "yesterday")
	require.Equal(t, 2, code)
	require.Contains(t, text, "a day is written as 2006-01-02")
	text, code = p.output("verify", "-from", "2026-02-01", "-to", "2026-01-31")
	require.Equal(t, 2, code)
	require.Equal(t, "E! -from 2026-02-01 is after -to 2026-01-31; see psql-sink verify -help\n", text)
}
