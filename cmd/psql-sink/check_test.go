package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// checked is a set-up as deploy/ makes it, of which tests break one thing after the
// other. The spool is that of the user postgres, since that one is there.
type checked struct {
	*program
	pg *testkit.PG
}

func newChecked(t *testing.T) *checked {
	testkit.Need(t, "runuser", "setpriv", "psql")
	pg := testkit.Postgres(t)
	pg.Psql(nil, "-f", filepath.Join(testkit.Root(t), "deploy", "roles.sql"))
	c := &checked{build(t, ""), pg}
	c.spool = filepath.Join(pg.Dir(), "spool")
	c.config = filepath.Join(pg.Dir(), "sink.conf")
	c.connect("user=vpn_traffic_writer dbname=vpn")
	out, err := exec.Command(c.path, "migrate", "-dsn", "user=postgres dbname=vpn role=vpn_traffic_owner host="+pg.Dir()).CombinedOutput()
	require.NoError(t, err, string(out))
	line := fmt.Sprintf("traffic,host=gw,src=10.0.1.0,dst=10.0.2.0,proto=tcp,port=443 src_packets=1i,src_bytes=1i,dst_packets=1i,dst_bytes=1i %d\n", time.Now().UnixNano())
	require.NoError(t, c.start(strings.NewReader(line)).Wait())
	c.finish()
	c.sh("chown -R postgres " + c.spool)
	return c
}

// connect writes a configuration with other words in dsn, and with options.
func (c *checked) connect(dsn string, options ...string) {
	text := fmt.Sprintf("[[outputs.vpn_traffic]]\n  spool = %q\n  dsn = \"host=%s sslmode=disable %s\"\n  %s\n", c.spool, c.pg.Dir(), dsn, strings.Join(options, "\n  "))
	require.NoError(c.t, os.WriteFile(c.config, []byte(text), 0o644))
}

func (c *checked) sh(command string) {
	c.t.Helper()
	// The database administrator can run the program that is tested.
	path := filepath.Join(c.pg.Dir(), "bin")
	cmd := exec.Command("sh", "-ec", "mkdir -p "+path+"; cp "+c.path+" "+path+"/psql-sink; cd "+path+"\n"+command)
	cmd.Env = append(os.Environ(), "PATH="+path+":"+filepath.Dir(testkit.Tool("psql"))+":/usr/sbin:"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	require.NoError(c.t, err, "%s: %s", command, out)
}

func (c *checked) check() testkit.Verdict {
	c.t.Helper()
	return testkit.Check(c.t, exec.Command(c.path, "check", "-config", c.config, "-user", "postgres", "-json"))
}

// A set-up without a fault is all right; each fault is named with its level, and the
// command that is named mends it.
func TestCheckNamesEachFault(t *testing.T) {
	c := newChecked(t)
	tomorrow := "vpn_traffic_" + time.Now().UTC().AddDate(0, 0, 1).Format("20060102")
	whole := func() { c.connect("user=vpn_traffic_writer dbname=vpn") }
	clock := func(ahead string) func() {
		return func() {
			c.pg.Exec("CREATE SCHEMA clock; GRANT USAGE ON SCHEMA clock TO PUBLIC",
				"CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT pg_catalog.clock_timestamp() + interval '"+ahead+"' $$",
				"ALTER ROLE vpn_traffic_writer IN DATABASE vpn SET search_path = public, clock, pg_catalog")
		}
	}
	rightClock := func() {
		c.pg.Exec("DROP SCHEMA clock CASCADE", "ALTER ROLE vpn_traffic_writer IN DATABASE vpn SET search_path = public")
	}
	put := func(folder string, size int) func() {
		return func() {
			require.NoError(t, os.WriteFile(filepath.Join(c.spool, folder, "a.csv"), make([]byte, size), 0o644))
		}
	}
	remove := func(folder string) func() {
		return func() { require.NoError(t, os.Remove(filepath.Join(c.spool, folder, "a.csv"))) }
	}
	exec := func(statements ...string) func() { return func() { c.pg.Exec(statements...) } }
	var version int
	require.NoError(t, c.pg.DB().QueryRow("SELECT max(version) FROM vpn_traffic_migrations").Scan(&version))
	for _, fault := range []struct {
		name, says string
		make, mend func() // without mend, the command that is named does
	}{
		{"the configuration", "failure configuration: " + c.config + ": line 4: unknown key \"dns\"", func() { c.connect("", "dns = \"\"") }, whole},
		{"the port", "failure host: vpn at " + c.pg.Dir() + ", port 5433 as vpn_traffic_writer: ", func() { c.connect("user=vpn_traffic_writer dbname=vpn port=5433") }, whole},
		{"the role", "failure host: vpn at " + c.pg.Dir() + " as stranger: ", func() { c.connect("user=stranger dbname=vpn") }, whole},
		{"the reader", "failure host: vpn at " + c.pg.Dir() + " as vpn_traffic_reader: it is read-only", func() { c.connect("user=vpn_traffic_reader dbname=vpn") }, whole},
		{"a superuser", "warning role: the role postgres is a superuser", func() { c.connect("user=postgres dbname=vpn") }, whole},
		{"commits that wait for nothing", "warning replication: synchronous_commit is off", exec("ALTER ROLE vpn_traffic_writer SET synchronous_commit = off"), nil},
		{"lost functions", fmt.Sprintf("failure schema: it is of version %d, or lacks functions", version), exec("DROP FUNCTION vpn_traffic_functions()"), nil},
		{"an older schema", fmt.Sprintf("failure schema: it is of version %d", version-1), exec(fmt.Sprint("DELETE FROM vpn_traffic_migrations WHERE version = ", version)), exec(fmt.Sprintf("INSERT INTO vpn_traffic_migrations VALUES (%d)", version))},
		{"a newer schema", "warning schema: it is of version 99", exec("INSERT INTO vpn_traffic_migrations VALUES (99)"), exec("DELETE FROM vpn_traffic_migrations WHERE version = 99")},
		{"a right too few", "failure rights: the role vpn_traffic_writer lacks rights: INSERT on vpn_traffic;", exec("REVOKE INSERT ON vpn_traffic FROM vpn_traffic_writer"), nil},
		{"a right too many", "warning rights: the role vpn_traffic_writer may do more than a sink does, so a thief of its login can, too: DELETE on vpn_traffic;", exec("GRANT DELETE ON vpn_traffic TO vpn_traffic_writer"), nil},
		{"a clock", "failure clock: the clock here is 5h0m0s from that of the database; nothing is dropped", clock("5 hours"), rightClock},
		{"a clock that drifts", "warning clock: the clock here is ", clock("1 minute"), rightClock},
		{"no partition", "warning partitions: there are none for ", exec("DROP TABLE " + tomorrow), nil},
		{"a table in its place", "failure partitions: rows of ", exec("ALTER TABLE vpn_traffic DETACH PARTITION " + tomorrow), exec("DROP TABLE "+tomorrow, "SELECT vpn_traffic_make_partitions((now() AT TIME ZONE 'UTC')::date + 1)")},
		{"what the owner keeps", "warning retention: 4 partitions are older than their retention and were kept", exec("DELETE FROM vpn_traffic_retention", "SELECT vpn_traffic_make_partitions((now() AT TIME ZONE 'UTC')::date - 60)"), nil},
		{"rejected lines", "warning rejected: 1 files with 10 B are in " + c.spool + "/rejected", put("rejected", 10), remove("rejected")},
		{"lines for later", "warning later: 1 files in " + c.spool + "/later", put("later", 10), remove("later")},
		{"a full spool", "failure room: the spool is full: 1 reports wait, with 20.0 MiB, and spool_limit is 17.0 MiB", func() {
			c.connect("user=vpn_traffic_writer dbname=vpn", `spool_limit = "17MiB"`)
			put("new", 20<<20)()
		}, func() { whole(); remove("new")() }},
		{"a disk too small", "warning room: the disk of " + c.spool + " has ", func() { c.connect("user=vpn_traffic_writer dbname=vpn", `spool_limit = "1000TiB"`) }, whole},
		{"another owner", "failure spool: postgres may not write to the folder " + c.spool + ", of nobody", func() { c.sh("chown -R nobody " + c.spool + "; chmod 700 " + c.spool) }, nil},
		{"no folder", "failure spool: the folder " + c.spool + " is missing", func() { c.sh("mv " + c.spool + " " + c.spool + "~") }, nil},
		{"a folder for everybody", "warning spool rights: others than root and postgres may write to " + c.spool, func() { c.sh("chmod 777 " + c.spool) }, nil},
	} {
		t.Run(fault.name, func(t *testing.T) {
			before := c.check()
			require.Empty(t, before.Wrong())
			require.Greater(t, len(before.Findings), 3)
			require.Zero(t, before.Code)
			fault.make()
			f := c.check()
			require.Contains(t, f.Wrong(), fault.says)
			require.Equal(t, 1, strings.Count(f.Wrong(), "\n"), f.Wrong())
			if fault.mend != nil {
				fault.mend()
				return
			}
			for _, command := range f.Commands() {
				c.sh(command)
			}
		})
	}
	require.Empty(t, c.check().Wrong())

	// What was rejected comes in by the command, without the files that say why.
	c.sh("install -d -o postgres -m 750 " + c.spool + "/rejected")
	row := fmt.Sprintf("# not yet\n%d,tcp,10.0.9.0,10.0.2.0,443,1,1,1,1,0,0\n", time.Now().UnixNano())
	require.NoError(t, os.WriteFile(filepath.Join(c.spool, "rejected", "0000000000000000001-1-000001_gw.csv"), []byte(row), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(c.spool, "rejected", "0000000000000000001-1-000001_gw.csv.why"), []byte("no row\n"), 0o644))
	v := c.check()
	require.Contains(t, v.Wrong(), "warning rejected: 2 files")
	c.sh(v.Commands()[0])
	var rows int
	require.NoError(t, c.pg.DB().QueryRow(`SELECT count(*) FROM vpn_traffic WHERE src = '10.0.9.0'`).Scan(&rows))
	require.Equal(t, 1, rows)
}

// Each right that the writer has is one that is missed, and each other is too many.
func TestCheckKnowsEachRight(t *testing.T) {
	testkit.Trial(t)
	c := newChecked(t)
	rights, err := c.pg.DB().Query(`SELECT privilege_type, table_name FROM information_schema.role_table_grants WHERE grantee = 'vpn_traffic_writer'
		UNION ALL SELECT 'UPDATE (' || string_agg(column_name, ', ') || ')', table_name FROM information_schema.column_privileges
			WHERE grantee = 'vpn_traffic_writer' AND privilege_type = 'UPDATE' AND NOT has_table_privilege(grantee, table_name, 'UPDATE') GROUP BY table_name
		UNION ALL SELECT 'EXECUTE', 'FUNCTION ' || p.oid::regprocedure FROM pg_proc p, aclexplode(proacl) a WHERE a.grantee = 'vpn_traffic_writer'::regrole`)
	require.NoError(t, err)
	defer func() { _ = rights.Close() }()
	for rights.Next() {
		var right, on string
		require.NoError(t, rights.Scan(&right, &on))
		c.pg.Exec(fmt.Sprintf("REVOKE %s ON %s FROM vpn_traffic_writer", right, on))
		f := c.check()
		require.Equal(t, 2, f.Code, "%s on %s: %s", right, on, f.Wrong())
		c.pg.Exec(fmt.Sprintf("GRANT %s ON %s TO vpn_traffic_writer", right, on))
	}
	require.NoError(t, rights.Err())
}

// Hosts that do not answer hold nobody up, and a pool that tears transactions apart is
// no way to the server.
func TestCheckOfHosts(t *testing.T) {
	c := newChecked(t)
	var silent []string
	for range 2 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = listener.Close() }()
		silent = append(silent, fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))
	}
	hosts := "host=127.0.0.1,127.0.0.1," + c.pg.Dir() + " port=" + strings.Join(silent, ",") + ",5432 "
	c.connect(hosts + "user=vpn_traffic_writer dbname=vpn")
	f := c.check()
	require.Equal(t, 2, strings.Count(f.Wrong(), "warning host: vpn at 127.0.0.1:"), f.Wrong())
	require.Equal(t, 1, f.Code, f.Wrong())

	c.pg.Bouncer(2, "pool_mode = statement")
	c.connect("user=postgres dbname=vpn port=6432")
	f = c.check()
	require.Contains(t, f.Wrong(), "failure transactions: the connection is closed in each transaction, as pgbouncer does")
	require.Contains(t, f.Wrong(), "pool_mode = transaction")
}

func TestCheckOfEncodingAndSinks(t *testing.T) {
	c := newChecked(t)
	c.sh("runuser -u postgres -- createdb -h " + c.pg.Dir() + " -T template0 -E SQL_ASCII --locale=C ascii")
	c.connect("user=postgres dbname=ascii")
	f := c.check()
	require.Contains(t, f.Wrong(), "failure encoding: its encoding is SQL_ASCII: the database has to be of the encoding UTF8;")
	c.sh("runuser -u postgres -- dropdb -h " + c.pg.Dir() + " ascii")
	for _, one := range f.Findings {
		if one.Name == "encoding" {
			c.sh(one.Command)
		}
	}
	f = c.check()
	require.Equal(t, 1, f.Code, f.Wrong())
	require.Contains(t, f.Wrong(), "warning schema: there are no tables yet")
	for _, one := range f.Findings {
		if one.Name == "schema" {
			require.Contains(t, one.Command, " psql-sink migrate -dsn ")
		}
	}

	c.connect("user=vpn_traffic_writer dbname=vpn")
	first := c.start(nil, "watch")
	c.logs("storing into ")
	require.Empty(t, c.check().Wrong())
	second := exec.Command(testkit.Tool("setpriv"), "--reuid=postgres", "--regid=postgres", "--clear-groups",
		filepath.Join(c.pg.Dir(), "bin", "psql-sink"), "watch", "-config", c.config)
	require.NoError(t, second.Start())
	require.Eventually(t, func() bool {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", second.Process.Pid))
		return err == nil && string(comm) == "psql-sink\n"
	}, time.Minute, time.Millisecond)
	require.NoError(t, second.Process.Signal(syscall.SIGSTOP)) // it would end after a moment
	f = c.check()
	require.Contains(t, f.Wrong(), "failure sinks: 2 sinks run on this spool")
	require.NoError(t, second.Process.Kill())
	_ = second.Wait()
	end(t, first)
}
