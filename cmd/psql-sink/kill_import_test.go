package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

const (
	kills   = 60
	waiting = 4  // reports that wait when the program starts
	small   = 40 // rows of a report
)

// backlog is what is put into the spool and must come out of the database.
type backlog struct {
	*program
	db     *sql.DB
	made   int
	open   map[int]string // reports that were not seen imported yet: their files
	stored int
}

// at returns the time of a report: two hosts have the same ones, three an hour.
func (b *backlog) at(report int) time.Time {
	return time.Unix(0, epoch).Truncate(time.Hour).Add(time.Duration(report/2) * 20 * time.Minute)
}

// fill puts reports into the spool. Alternating hosts make each a transaction.
func (b *backlog) fill() {
	b.t.Helper()
	for b.waiting() < waiting {
		var text strings.Builder
		for i := range small {
			fmt.Fprintf(&text, "%d,tcp,10.32.%d.0,10.33.%d.0,%d,1,1,%d,1,1,2,3\n", b.at(b.made).UnixNano(), i/8, i%8, 80+i%2, i)
		}
		name := filepath.Join(b.spool, "new", fmt.Sprintf("%019d-1-%06d_gw%d.csv", epoch+int64(b.made), b.made, b.made%2))
		require.NoError(b.t, os.WriteFile(name, []byte(text.String()), 0o600))
		b.open[b.made] = name
		b.made++
	}
}

// drain has the program import all that waits, and lets it end.
func (b *backlog) drain() {
	b.t.Helper()
	cmd := b.start(nil, "watch")
	b.drained()
	end(b.t, cmd)
	b.check()
}

// check compares the database with the backlog after a kill: each report is
// there, whole, or waits; what is there is there once; and it is summed up.
func (b *backlog) check() {
	b.t.Helper()
	require.Eventually(b.t, func() bool { // until the server has noticed
		var n int
		return b.db.QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql-sink' AND datname = current_database()`).Scan(&n) == nil && n == 0
	}, time.Minute, time.Millisecond)
	if len(b.open) == 0 {
		return
	}
	from := b.at(slices.Min(slices.Collect(maps.Keys(b.open)))).Truncate(time.Hour)
	for report, file := range b.open {
		var rows int
		require.NoError(b.t, b.db.QueryRow(`SELECT count(*) FROM vpn_traffic WHERE time = $1 AND host = $2`,
			b.at(report), fmt.Sprintf("gw%d", report%2)).Scan(&rows))
		_, err := os.Stat(file)
		require.True(b.t, rows == small || rows == 0, "report %d has %d rows", report, rows)
		require.False(b.t, rows == 0 && err != nil, "report %d is lost", report)
		if err != nil {
			delete(b.open, report)
			b.stored++
		}
	}
	testkit.RequireExactBetween(b.t, b.db, from, b.at(b.made).Add(time.Hour))
}

// lastStatement returns the last statement in what is sent to the server, with the
// table that it writes; "" if there is none.
func lastStatement(data []byte) string {
	found, at := "", -1
	for _, verb := range []string{"COPY ", "INSERT INTO ", "BEGIN", "COMMIT"} {
		if last := bytes.LastIndex(data, []byte(verb)); last > at {
			at, found = last, verb
		}
	}
	if strings.HasSuffix(found, " ") {
		table, _, _ := bytes.Cut(data[at+len(found):], []byte(" "))
		found += string(table)
	}
	return found
}

// killer picks the moment to kill a program, while its talk with the server
// passes by.
type killer struct {
	up    bool // on the way to the server
	after int  // so many bytes
	// Or, once the answer to a COMMIT has come, after this time: files are removed then.
	committed bool
	delay     time.Duration

	statement string        // sent last
	now       chan struct{} // closed when it is to be killed
	dead      chan struct{} // closed when it is
	done      bool
}

func (k *killer) tap(up bool, data []byte) int {
	if k.done {
		return len(data)
	}
	if last := lastStatement(data); up && last != "" {
		k.statement = last
	}
	k.done = up == k.up && k.after < len(data)
	if k.committed {
		k.done = !up && k.statement == "COMMIT"
	}
	if up == k.up {
		k.after -= len(data)
	}
	if k.done {
		close(k.now)
	}
	if k.done && !k.committed {
		<-k.dead
	}
	return len(data)
}

// spread returns somewhere in the part of all bytes that a kill is to be in.
func spread(random *rand.Rand, all, kill int) int {
	return (kill*all + random.IntN(all)) / kills
}

// TestKillWhileItImports kills the program at points that are spread over its talk
// with the server, each somewhere in its part of it, and compares after each.
func TestKillWhileItImports(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	pg := testkit.Database(t)
	proxy := testkit.NewProxy(t, pg.Socket())
	host, port := proxy.Addr()
	b := &backlog{
		program: build(t, fmt.Sprintf("host=%s port=%s user=postgres dbname=%s sslmode=disable", host, port, pg.Name())),
		db:      pg.DB(), open: make(map[int]string),
	}
	require.NoError(t, os.MkdirAll(filepath.Join(b.spool, "new"), 0o755))

	b.fill()
	b.drain() // which makes the tables
	// How much is said for a few reports.
	said := make(map[bool]int)
	b.fill()
	proxy.Watch(func(up bool, data []byte) int {
		said[up] += len(data)
		return len(data)
	})
	b.drain()

	const seed = 20231114
	random := rand.New(rand.NewPCG(seed, 0))
	where := make(map[string]int)
	for n, part := 0, 0; n < kills; part++ {
		b.fill()
		k := &killer{
			up: part%2 == 0, after: spread(random, said[part%2 == 0], part%kills), statement: "the start",
			now: make(chan struct{}), dead: make(chan struct{}),
		}
		if part%5 == 4 {
			k.committed, k.delay = true, time.Duration(random.IntN(3000))*time.Microsecond
		}
		proxy.Watch(k.tap)
		cmd := b.start(nil, "watch")
		for ended := false; !ended; {
			select {
			case <-k.now:
				time.Sleep(k.delay)
				where[k.statement]++
				n++
				ended = true
			case <-time.After(20 * time.Millisecond):
				ended = b.waiting() == 0 // less was said than the first time
			}
		}
		kill(cmd)
		close(k.dead)
		proxy.Watch(nil)
		b.check()
	}
	b.drain()
	require.Empty(t, b.open)
	require.Equal(t, b.made, b.stored)
	testkit.RequireExact(t, b.db)
	met := slices.Sorted(maps.Keys(where))
	for _, name := range met {
		t.Logf("killed at %-36s %3d times", name, where[name])
	}
	// Which of the many statements of a kind these are is left to chance.
	for _, kind := range []string{"COPY ", "INSERT INTO ", "COMMIT"} {
		require.True(t, slices.ContainsFunc(met, func(name string) bool { return strings.HasPrefix(name, kind) }), "none at a %s", kind)
	}
	require.Greater(t, len(met), 8)
}
