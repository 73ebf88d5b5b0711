package vpn_traffic

import (
	"bytes"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// outage is a sink that goes on writing while things happen to its database.
type outage struct {
	*sink
	batches int
}

const batchRows = 400

// writeSome writes batches of one report each, every twentieth of a new day.
func (o *outage) writeSome(batches int) {
	o.t.Helper()
	for range batches {
		at := noon.Add(time.Duration(o.batches)*15*time.Second).AddDate(0, 0, o.batches/20)
		o.write(reports("gw", at, batchRows)...)
		o.batches++
	}
}

// during has rows come before, in and after a trouble, and requires that all of
// them are there then, once.
func (o *outage) during(db *sql.DB, begin, end func()) {
	o.t.Helper()
	before := strings.Count(o.log.String(), "trying again\n")
	o.writeSome(10)
	begin() // in the middle of it
	o.writeSome(15)
	require.Eventually(o.t, func() bool { return strings.Count(o.log.String(), "trying again\n") > before }, time.Minute, 10*time.Millisecond)
	o.writeSome(5)
	end()
	o.drained()
	o.healthy()
	o.exact(db)
}

// healthy waits until the log says that the trouble is over.
func (o *outage) healthy() {
	o.t.Helper()
	require.Eventually(o.t, func() bool {
		log := o.log.String()
		return strings.Count(log, "W! ") == strings.Count(log, "I! importing again")+strings.Count(log, "I! all is well again")
	}, time.Minute, 10*time.Millisecond)
}

func (o *outage) exact(db *sql.DB) {
	o.t.Helper()
	require.Equal(o.t, fmt.Sprintf("%d, %[1]d", o.batches*batchRows), query(o.t, db, exact))
	testkit.RequireExact(o.t, db)
	require.Empty(o.t, o.files("rejected"))
}

var changing = regexp.MustCompile(`after [0-9.]+m?s|[0-9]+ reports? still|/tmp/[^ ,;:"]+|in this run.*|127[0-9.:]+`)

// said returns what an operator reads, without what differs from run to run, and
// without where rows are stored.
func (o *outage) said() []string {
	var lines []string
	for line := range strings.Lines(o.log.String()) {
		if !strings.HasPrefix(line, "D! ") && !strings.HasPrefix(line, "I! storing into ") {
			lines = append(lines, strings.TrimSpace(changing.ReplaceAllString(line, "…")))
		}
	}
	return lines
}

// The reasons of a server that goes away or comes back are a matter of moments.
const goes = `(vpn at [^:]* as postgres: )?(dial unix …: connect: (no such file or directory|connection refused)|the connection was lost|(unexpected )?EOF|read unix .*: connection reset by peer|write unix .*: broken pipe|` +
	`pq: (the database system is .*|terminating connection .*) \(57P0[0-9]\))`

// requireSaid requires that the log consists of these lines, given as patterns.
func (o *outage) requireSaid(patterns ...string) {
	o.t.Helper()
	said := o.said()
	o.t.Logf("the operator reads:\n%s", strings.Join(said, "\n"))
	require.Len(o.t, said, len(patterns))
	for i, pattern := range patterns {
		require.Regexp(o.t, "^"+pattern+"$", said[i])
	}
}

const (
	stay = "; reports stay in …, trying again"
	away = "W! Postgres is unreachable: " + goes + stay
)

func again(trouble string) string { return `I! importing again … \(` + trouble + `\); … wait` }

func newOutage(t *testing.T, dsn string) *outage {
	return &outage{sink: newSink(t, dsn, t.TempDir()).open()}
}

// Postgres is killed, stopped for a while, read-only for a while.
func TestOutages(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	pg := testkit.Postgres(t)
	o := newOutage(t, pg.DSN())
	for _, mode := range []string{"fast", "immediate", "kill -9"} {
		o.during(pg.DB(), func() {
			if mode == "kill -9" {
				pg.Kill9()
				return
			}
			pg.Stop(mode)
		}, pg.Start)
	}
	readOnly := func(value string) func() {
		return func() { pg.Set("default_transaction_read_only", value) }
	}
	o.during(pg.DB(), readOnly("on"), readOnly("off"))
	o.during(pg.DB(), func() {
		pg.Stop("fast")
		// Long enough for several attempts, of which nobody hears.
		require.Eventually(t, func() bool { return strings.Count(o.log.String(), "still so\n") >= 2 }, time.Minute, 10*time.Millisecond)
	}, pg.Start)
	o.close()
	back := again("Postgres is unreachable")
	o.requireSaid(
		away, back, away, back, away, back,
		`W! Postgres is read-only: pq: cannot execute .+ in a read-only transaction \(25006\)`+stay,
		again("Postgres is read-only"),
		away, back,
		fmt.Sprintf("I! imported %d rows from %d reports, 0 duplicates, 0 rejected …", o.batches*batchRows, o.batches),
	)
}

// Somebody drops all tables, and the sink goes on with new ones.
func TestTheSchemaIsMadeAgain(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	o := newOutage(t, pg.DSN())
	for range 2 {
		o.writeSome(3)
		o.drained()
		var rows int
		require.NoError(t, pg.DB().QueryRow(`SELECT count(*) FROM vpn_traffic`).Scan(&rows))
		require.Equal(t, 3*batchRows, rows)
		testkit.RequireExact(t, pg.DB())
		require.Eventually(t, func() bool { // the sink may be at work in it, which ends in a deadlock
			_, err := pg.DB().Exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
			return err == nil
		}, time.Minute, 100*time.Millisecond)
	}
	o.close()
}

// The disk that the tables are on is full, and then has room again.
func TestTheDiskOfPostgresIsFull(t *testing.T) {
	t.Parallel()
	disk := testkit.NewDisk(t, 64<<20)
	disk.Own()
	pg := testkit.Postgres(t)
	pg.Exec("CREATE TABLESPACE small LOCATION '" + disk.Path() + "'")
	pg.Exec("ALTER DATABASE postgres SET default_tablespace = ''", "CREATE DATABASE small TABLESPACE small")
	dsn := strings.Replace(pg.DSN(), "dbname=vpn", "dbname=small", 1)
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	o := newOutage(t, dsn)
	o.writeSome(5)
	o.drained()
	filler := disk.Fill(256 << 10)
	full := func() bool { return strings.Contains(o.log.String(), "W! ") }
	for !full() {
		o.writeSome(5)
		require.Eventually(t, func() bool { return full() || len(o.files("new")) == 0 }, time.Minute, 10*time.Millisecond)
	}
	o.writeSome(5)
	require.NoError(t, os.Remove(filler))
	o.drained()
	o.healthy()
	o.exact(db)
	o.close()
	o.requireSaid(
		`W! Postgres is out of disk space: pq: could not .*: No space left on device.* \(53100\)`+stay,
		again("Postgres is out of disk space"),
		"I! imported .*",
	)
}

// The network fails in the middle of COPY, at any byte of it.
func TestTheConnectionIsCutInTheMiddleOfCopy(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	proxy := testkit.NewProxy(t, pg.Socket())
	host, port := proxy.Addr()
	o := newOutage(t, fmt.Sprintf("host=%s port=%s user=postgres dbname=%s sslmode=disable", host, port, pg.Name()))
	o.writeSome(1)
	o.drained()
	const seed = 20231116
	random := rand.New(rand.NewPCG(seed, 0))
	for _, statement := range []string{"COPY vpn_traffic (", "COPY vpn_traffic_by_dst (", "COPY vpn_traffic_by_port (", "COPY vpn_traffic ("} {
		left, cut := -1, make(chan struct{})
		after := random.IntN(20_000) // of the 27 kB that the rows take
		if strings.Contains(statement, "port") {
			after = 10
		}
		proxy.Watch(func(up bool, data []byte) int {
			if at := bytes.Index(data, []byte(statement)); up && left < 0 && at >= 0 {
				left = at + len(statement) + after
			}
			if !up || left < 0 {
				return len(data)
			}
			if pass := left; pass < len(data) {
				close(cut)
				left = 1 << 40 // only once
				return pass
			}
			left -= len(data)
			return len(data)
		})
		o.writeSome(10)
		<-cut
		o.drained()
		o.healthy()
		o.exact(pg.DB())
	}
	o.close()
	const lost = `W! Postgres is unreachable: (the connection was lost|(unexpected )?EOF|(read|write) tcp …->… (read|write): (connection reset by peer|broken pipe))` + stay
	back := again("Postgres is unreachable")
	o.requireSaid(lost, back, lost, back, lost, back, lost, back, "I! imported .*")
}

// A failover: the primary dies, the replica is promoted, and the sink finds it.
func TestFailover(t *testing.T) {
	t.Parallel()
	first := testkit.Postgres(t)
	second := first.Standby(testkit.PGSetup{Settings: []string{"synchronous_standby_names="}})
	// What is committed on one is on the other, or a failover could lose it.
	first.Set("synchronous_standby_names", "*")
	o := newOutage(t, "user=postgres dbname=vpn host="+first.Dir()+","+second.Dir())
	o.during(second.DB(), first.Kill9, second.Promote)
	o.close()
	o.requireSaid(
		"W! Postgres is unreachable: "+goes+"; vpn at … as postgres: it is a standby"+stay,
		again("Postgres is unreachable"),
		"I! imported .*",
	)
}
