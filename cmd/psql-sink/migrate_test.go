package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// The way of docs/operations.md: roles, then a sink that may not make its tables
// and says so, then the owner, and the sink goes on by itself.
func TestMigrateAsTheOwner(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	pg.Psql(nil, "-f", filepath.Join(testkit.Root(t), "deploy", "roles.sql"))
	p := build(t, fmt.Sprintf("dbname=vpn user=vpn_traffic_writer host=%s", pg.Dir()))
	in, out, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _ = out.Close() }()
	sink := p.start(in)
	require.NoError(t, in.Close())
	write := func(at int64) {
		for i := range 50 {
			_, err := fmt.Fprintf(out, "traffic,host=gw,src=10.32.%d.0,dst=10.33.0.0,proto=tcp,port=443 "+
				"src_packets=1i,src_bytes=1i,dst_packets=1i,dst_bytes=1i %d\n", i, at)
			require.NoError(t, err)
		}
	}
	write(epoch)
	p.logs(`W! the schema is not ready: the tables are missing, and role "vpn_traffic_writer" may make none in schema "public": ` +
		`have its owner run "psql-sink migrate"; reports stay in ` + p.spool + ", trying again\n")

	owner := "dbname=vpn user=postgres role=vpn_traffic_owner host=" + pg.Dir()
	for range 2 { // the second time there is nothing to do
		p.run(0, "migrate", "-dsn", owner)
	}
	p.logs("(the schema is not ready)")
	write(epoch + 40*86400*int64(1e9)) // a new day, and a new month
	db := pg.DB()
	require.Eventually(t, func() bool { // an end that is waited for has to be quick
		var rows int
		return db.QueryRow(`SELECT count(*) FROM vpn_traffic`).Scan(&rows) == nil && rows == 100
	}, 2*time.Minute, 50*time.Millisecond)
	require.NoError(t, out.Close())
	require.NoError(t, sink.Wait())
	p.finish()
	require.Equal(t, 1, strings.Count(p.log.String(), "W!"), "logged once")

	testkit.RequireExact(t, db)
	var rows, foreign int
	require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM vpn_traffic), (SELECT count(*) FROM pg_class
		WHERE relname LIKE 'vpn_traffic%' AND relowner <> 'vpn_traffic_owner'::regrole)`).Scan(&rows, &foreign))
	require.Equal(t, 100, rows)
	require.Zero(t, foreign, "tables that the owner does not own")
}

func TestMigrateRefuses(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	pg.Exec("CREATE ROLE nobody LOGIN")
	p := build(t, "dbname=vpn user=nobody host="+pg.Dir())
	p.run(1, "migrate", "-config", p.config)
	require.Contains(t, p.log.String(), `E! the schema is not ready: the tables are missing, and role "nobody" may make none in schema "public"`)
	p.run(1, "migrate", "-dsn", "host=/absent")
	require.Contains(t, p.log.String(), "E! Postgres is unreachable: root at /absent as root: dial unix /absent/.s.PGSQL.5432: connect: no such file or directory")
	p.run(1, "migrate", "-dsn", "host=/\x1b[2Jabsent")
	require.Contains(t, p.log.String(), `dial unix /\x1b[2Jabsent/`, "no terminal obeys it")
	for _, dsn := range []string{"host=/absent password=secret", "postgres://u:secret@absent/vpn"} {
		p.run(2, "migrate", "-dsn", dsn)
	}
	require.Equal(t, 2, strings.Count(p.log.String(), "E! -dsn: no password on a command line"))
	p.run(2, "migrate", "more")
	p.run(2, "migrate", "-bad")
	p.run(1, "migrate", "-config", "/absent")
	require.NotContains(t, p.log.String(), "secret")
}

// run runs a command to its end and requires an exit code.
func (p *program) run(code int, args ...string) {
	p.t.Helper()
	cmd := p.command(nil, args...)
	require.NoError(p.t, cmd.Start())
	_ = cmd.Wait()
	require.Equal(p.t, code, cmd.ProcessState.ExitCode(), "%v: %s", args, p.log.String())
}

// A password is never seen: not in the process list, not in the log.
func TestThePasswordIsNeverSeen(t *testing.T) {
	pg := testkit.PGSetup{HBA: []string{"local all all scram-sha-256"}}.Start(t)
	const wrong, right = "wrong-s3cret", "right-s3cret"
	pg.Exec("CREATE ROLE sink LOGIN PASSWORD '"+right+"'", "GRANT CREATE ON SCHEMA public TO sink")
	p := build(t, fmt.Sprintf("host=%s dbname=vpn user=sink password=%s", pg.Dir(), wrong))
	require.NoError(t, os.MkdirAll(filepath.Join(p.spool, "new"), 0o755))
	name := filepath.Join(p.spool, "new", fmt.Sprintf("%019d-1-000001_gw.csv", epoch))
	require.NoError(t, os.WriteFile(name, []byte("1700000000000000000,tcp,10.0.0.1,10.0.0.2,443,1,1,1,1,0,0\n"), 0o600))

	sink := p.start(nil, "watch", "-debug")
	p.logs(`as sink: pq: password authentication failed for user "sink"`)
	end(t, sink)
	passfile := filepath.Join(t.TempDir(), "pgpass")
	require.NoError(t, os.WriteFile(passfile, []byte("localhost:5432:vpn:sink:"+right+"\n"), 0o600))
	t.Setenv("PGPASSFILE", passfile)
	p.configure("dsn = 'host=%s dbname=vpn user=sink'", pg.Dir())
	sink = p.start(nil, "watch", "-debug")
	p.drained()
	for _, file := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", sink.Process.Pid, file))
		require.NoError(t, err)
		require.NotContains(t, string(text), "s3cret")
	}
	end(t, sink)
	require.NotContains(t, p.log.String(), "s3cret")
}
