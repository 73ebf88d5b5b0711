package cluster

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// loseDisk has a sink fail with its disk while Postgres is away. What is missing then is what was
// in its spool and nowhere else, neither more nor less; others go on.
func (w *whole) loseDisk(t *testing.T) {
	w.t = t
	w.drain(t)
	w.settle(t)
	w.net.cut(postgresAddr)
	failed := w.sinks[0]
	w.fill(failed)
	w.drain(t) // so that what sinks have is in their spools
	failed.kill()
	disk := failed.replaceDisk()

	w.report(series)
	w.drain(t) // into the other sink, as if nothing had happened
	w.net.join(postgresAddr)
	failed.start()
	w.report(series)
	w.arrive(t) // what comes later is not lost
	w.drain(t)
	lost := rowsOf(w.sent()) - rowsOf(w.stored(t))
	require.Positive(t, lost)

	// The disk turns up again.
	said := failed.importFrom(t, disk)
	require.Contains(t, said, fmt.Sprintf(": %d rows imported, ", lost))
	w.settle(t)
	t.Logf("the disk had %d rows that were nowhere else", lost)
}

// arrive waits until Postgres has the last row of each gateway.
func (w *whole) arrive(t *testing.T) {
	t.Helper()
	for _, g := range w.gateways {
		require.Eventually(t, func() bool { return w.has(g, source(g.reports-1), destination(series-1)) }, 2*time.Minute, 50*time.Millisecond)
	}
}

// fill has reports come until a sink has some in its spool.
func (w *whole) fill(s *sink) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); s.waiting() < 2; {
		require.True(w.t, time.Now().Before(deadline))
		w.report(series)
		time.Sleep(300 * time.Millisecond) // so that they are messages of their own
	}
}

// stored waits until no sink has anything left to store, and returns what Postgres has.
func (w *whole) stored(t *testing.T) map[string]testkit.HostSums {
	t.Helper()
	for _, s := range w.sinks {
		require.Eventually(t, func() bool { return s.waiting() == 0 }, 2*time.Minute, 50*time.Millisecond)
	}
	got, err := testkit.SumsByHost(w.pg.DB())
	require.NoError(t, err)
	return got
}

// replaceDisk takes all that programs have written, and returns where the spool has gone.
func (s *sink) replaceDisk() (disk string) {
	s.t.Helper()
	require.NoError(s.t, os.Remove(s.path(forgedFile)))
	disk = s.path("replaced")
	require.NoError(s.t, os.Rename(s.path("spool"), disk))
	return disk
}

// importFrom imports the reports of another spool, and returns what it said.
func (s *sink) importFrom(t *testing.T, spool string) string {
	t.Helper()
	program := testkit.Binary(t, "telegraf-conntrack-accounting/cmd/psql-sink")
	return s.machine.Exec(t, program, "import", "-config", s.path("psql-sink.conf"), spool+"/new")
}
