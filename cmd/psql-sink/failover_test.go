package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// failover is a psql-sink that gets reports without a pause, and a cluster whose primary
// dies.
type failover struct {
	*program
	cluster *testkit.Cluster
	lost    []time.Duration // how long what waited at each failover had to wait
}

// The primary dies in the middle of a COPY, or when a standby has a commit and the sink has
// no answer yet; and one loses its Patroni, but goes on. What was put in is there, once.
func TestFailovers(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	f := newFailover(t)
	f.refusesStrangers(t)
	in, out, err := os.Pipe()
	require.NoError(t, err)
	sink := f.start(in)
	require.NoError(t, in.Close())
	stop, stopped := make(chan struct{}), make(chan int)
	go func() { stopped <- load(out, stop) }() // until stop is closed
	f.drained()

	for n := range testkit.Number(t, "FAILOVERS", 2) {
		f.cluster.AwaitWhole()
		leader := f.cluster.Leader()
		if n%2 == 0 {
			f.inCopy(leader)
		} else {
			f.unanswered(leader)
		}
		f.awaits(leader.Kill9)
		leader.Start()
	}
	f.cluster.AwaitWhole()
	f.cutOff(t)

	close(stop)
	reports := <-stopped
	f.drained()
	require.NoError(t, out.Close())
	require.NoError(t, sink.Wait())
	db := f.cluster.Leader().DB() // which has all rows, whatever has become of the others
	requireOnce(t, db, reports)
	testkit.RequireExact(t, db)
	f.cluster.AwaitWhole()
	_, err = f.cluster.Leader().DB().Exec(`TABLE kept`)
	require.NoError(t, err, "the primary before took over again, with what it had then")
	verified, code := f.output("verify", "-config", f.config)
	require.Zero(t, code, verified)
	require.Regexp(t, `imported .* [1-9]\d* duplicates, 0 rejected in this run`, f.log.String(), "a stored report came again")
	for _, one := range testkit.Check(t, exec.Command(f.path, "check", "-config", f.config, "-json")).Findings {
		require.False(t, one.Level != "ok" && (one.Name == "host" || one.Name == "replication"), "%+v", one)
	}
	slices.Sort(f.lost)
	t.Logf("%d reports of %d rows; what waited at the kill was stored after %v (median), %v (worst)", reports, series,
		f.lost[len(f.lost)/2].Round(100*time.Millisecond), f.lost[len(f.lost)-1].Round(100*time.Millisecond))
}

func newFailover(t *testing.T) *failover {
	t.Helper()
	const chapter = "## Postgres that fails over"
	steps := blocks(t, chapter, "sh") // on the operator's machine, on each member, on the leader, on the sink's machine
	require.Len(t, steps, 4)
	cluster := testkit.Patroni(t, steps[0], steps[1])
	leader := cluster.Leader()
	leader.Run(steps[2])
	cluster.Run(strings.Replace(steps[3], "leader=192.0.2.11", "leader="+leader.Addr(), 1))
	dsn := regexp.MustCompile(`dsn = "(.*)"`).FindStringSubmatch(blocks(t, chapter, "toml")[0])
	require.NotNil(t, dsn)
	return &failover{program: build(t, cluster.Local(dsn[1])), cluster: cluster}
}

// load writes a report every second, and returns how many there were.
func load(to io.Writer, stop <-chan struct{}) (reports int) {
	begin := time.Now().Add(-time.Hour).Truncate(time.Hour).UnixNano()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return reports
		case <-tick.C:
		}
		if _, err := io.WriteString(to, metrics(reports, begin+int64(reports)*int64(time.Second))); err != nil {
			return reports // the sink has ended, which the test notices
		}
		reports++
	}
}

// inCopy waits until rows are on their way.
func (f *failover) inCopy(leader *testkit.Member) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		return leader.Is(`EXISTS (SELECT ` + ofSink + ` AND state = 'active' AND query LIKE 'COPY %')`)
	}, time.Minute, time.Millisecond)
}

// ofSink are the sink's connections.
const ofSink = `FROM pg_stat_activity WHERE application_name = 'psql-sink'`

// inCommit waits until a commit waits for a standby, and returns the server's process.
func (f *failover) inCommit(leader *testkit.Member) (pid int) {
	f.t.Helper()
	require.Eventually(f.t, func() bool {
		return leader.DB().QueryRow(`SELECT pid `+ofSink+` AND wait_event = 'SyncRep'`).Scan(&pid) == nil
	}, time.Minute, time.Millisecond)
	return pid
}

// unanswered waits until a standby has a commit of which the sink knows nothing, and never
// will.
func (f *failover) unanswered(leader *testkit.Member) {
	f.t.Helper()
	var receivers []int
	for _, m := range f.cluster.Members {
		if m != leader {
			var pid int
			require.NoError(f.t, m.DB().QueryRow(`SELECT pid FROM pg_stat_wal_receiver`).Scan(&pid))
			receivers = append(receivers, pid)
		}
	}
	signal := func(s syscall.Signal) {
		for _, pid := range receivers {
			require.NoError(f.t, syscall.Kill(pid, s))
		}
	}
	signal(syscall.SIGSTOP)
	require.NoError(f.t, syscall.Kill(f.inCommit(leader), syscall.SIGSTOP))
	var end string
	require.NoError(f.t, leader.DB().QueryRow(`SELECT pg_current_wal_lsn()`).Scan(&end))
	signal(syscall.SIGCONT)
	require.Eventually(f.t, func() bool {
		return leader.Is(`EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync' AND flush_lsn >= '` + end + `')`)
	}, time.Minute, time.Millisecond)
}

// awaits has something happen to the primary, and waits until all is stored that waited
// then.
func (f *failover) awaits(happen func()) {
	f.t.Helper()
	begin := time.Now()
	happen()
	open := f.reports()
	require.Eventually(f.t, func() bool {
		open = slices.DeleteFunc(open, func(file string) bool {
			_, err := os.Stat(file)
			return err != nil
		})
		return len(open) == 0
	}, 2*time.Minute, 10*time.Millisecond)
	f.lost = append(f.lost, time.Since(begin))
}

// cutOff has Patroni of the primary hang, but not Postgres. A second primary comes, and
// acknowledges something; the first acknowledges nothing from then on, and must not take over
// when its Patroni goes on with what it knew.
func (f *failover) cutOff(t *testing.T) {
	t.Helper()
	old := f.cluster.Leader()
	old.Signal(syscall.SIGSTOP)
	next := f.cluster.Leader(old)
	require.True(t, old.Is("NOT pg_is_in_recovery()"), "there are two now")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := next.DB().ExecContext(ctx, `CREATE TABLE kept ()`) // when a standby has it
	require.NoError(t, err)
	f.inCommit(old)
	f.awaits(func() { old.Signal(syscall.SIGCONT) })
}
