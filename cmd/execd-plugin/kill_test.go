package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/statefile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// runs is the real program, started again and again in a namespace whose
// traffic nftables counts.
type runs struct {
	t       *testing.T
	ns      *testkit.Netns
	program string
	state   string
	config  string

	child *testkit.Child
	stdin io.WriteCloser
	sum   testkit.Counter // of all that came out
	warns int             // runs that logged a loss
}

func newRuns(t *testing.T) *runs {
	testkit.Need(t, "nft")
	dir := t.TempDir()
	r := &runs{t: t, ns: testkit.NewNetns(t), state: filepath.Join(dir, "state"), config: filepath.Join(dir, "input.conf")}
	r.program = testkit.Binary(t, "telegraf-conntrack-accounting/cmd/execd-plugin")
	r.ns.Local(t, "10.32.0.0/11")
	r.ns.Nft(t, `table ip ledger {
		counter sent { }
		chain output {
			type filter hook output priority filter;
			meta l4proto udp ct direction original counter name sent
		}
	}`)
	for _, name := range []string{"acct", "timestamp", "events"} {
		r.ns.Sysctl(t, "nf_conntrack_"+name, 1)
	}
	// No flow ends while the test lasts, however slow the machine: what ends between
	// the last gather and a kill is lost with the process that had read its event.
	for _, name := range []string{"udp_timeout", "udp_timeout_stream"} {
		r.ns.Sysctl(t, "nf_conntrack_"+name, 3600)
	}
	r.ns.EchoUDP(t, "10.33.0.1:53")
	text := fmt.Sprintf("[[inputs.conntrack_accounting]]\n  network_namespace = %q\n  state_file = %q\n", r.ns.Path(), r.state)
	require.NoError(t, os.WriteFile(r.config, []byte(text), 0o600))
	return r
}

func (r *runs) start() {
	r.t.Helper()
	cmd := exec.Command(r.program, "-config", r.config)
	stdin, err := cmd.StdinPipe()
	require.NoError(r.t, err)
	r.child, r.stdin = testkit.StartChild(r.t, cmd), stdin
	r.t.Cleanup(func() { _ = stdin.Close() })
	require.Eventually(r.t, func() bool { return strings.Contains(r.child.Stderr(), "accounting started") }, 30*time.Second, time.Millisecond)
}

// gather asks for a gather as Telegraf does.
func (r *runs) gather() {
	r.t.Helper()
	_, err := io.WriteString(r.stdin, "\n")
	require.NoError(r.t, err)
}

// saved waits until the state is newer than the given time, and current.
func (r *runs) saved(after time.Time) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		s, err := statefile.Read(r.state)
		return err == nil && s.Written.After(after) && s.Superseded.IsZero()
	}, 30*time.Second, time.Millisecond)
}

func (r *runs) kill() {
	r.t.Helper()
	r.child.Signal(syscall.SIGKILL)
	_ = r.child.Wait(30 * time.Second)
	r.add()
}

var sent = regexp.MustCompile(`(?m)^conntrack_accounting,.*proto=udp.*\n`)

// add adds up what the run has written, in whole lines.
func (r *runs) add() {
	r.t.Helper()
	number := func(line, field string) uint64 {
		text := regexp.MustCompile(`[ ,]` + field + `=(\d+)i`).FindStringSubmatch(line)
		require.NotNil(r.t, text, line)
		n, err := strconv.ParseUint(text[1], 10, 64)
		require.NoError(r.t, err)
		return n
	}
	for _, line := range sent.FindAllString(r.child.Stdout(), -1) {
		r.sum.Packets += number(line, "src_packets")
		r.sum.Bytes += number(line, "src_bytes")
	}
	if strings.Contains(r.child.Stderr(), "W! state_file: ") {
		r.warns++
	}
}

// talk sends over flows that live on and over short ones until the context
// ends.
func (r *runs) talk(ctx context.Context) (wait func()) {
	server := netip.MustParseAddrPort("10.33.0.1:53")
	var talking sync.WaitGroup
	for i := range 3 {
		socket := r.ns.ListenUDP(r.t, fmt.Sprintf("10.32.0.%d:7000", i+1))
		talking.Go(func() {
			for size := 1; ctx.Err() == nil; size = size%1000 + 1 {
				if _, err := socket.WriteToUDPAddrPort(make([]byte, size), server); err != nil {
					r.t.Errorf("sending: %v", err)
					return
				}
				socket.SetDeadline(time.Now().Add(20 * time.Second))
				if _, _, err := socket.ReadFromUDPAddrPort(make([]byte, 2000)); err != nil {
					r.t.Errorf("reading the echo: %v", err)
					return
				}
			}
		})
	}
	talking.Go(func() {
		for n := 0; ctx.Err() == nil && n < 15_000; n++ {
			if err := r.ns.UDP(fmt.Sprintf("10.34.%d.%d", n/250, n%250+1), server.String(), 2, 100); err != nil {
				r.t.Errorf("short flow: %v", err)
				return
			}
		}
	})
	return talking.Wait
}

// finish ends the run as Telegraf does.
func (r *runs) finish() {
	r.t.Helper()
	require.NoError(r.t, r.stdin.Close())
	require.NoError(r.t, r.child.Wait(30*time.Second))
	r.add()
}

// Killed between gathers, the program goes on exactly where it was.
func TestKillBetweenGathers(t *testing.T) {
	r := newRuns(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.start()
	wait := r.talk(ctx)
	for range 8 {
		before := time.Now()
		r.gather()
		r.saved(before)
		r.kill()
		r.start()
	}
	cancel()
	wait()
	r.finish()
	require.Equal(t, r.ns.Counters(t)["sent"], r.sum)
	require.Zero(t, r.warns)
}

// Killed at any moment, it never accounts a byte twice, and where it has lost
// some, it logs so.
func TestKillAtAnyMoment(t *testing.T) {
	r := newRuns(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const seed = 20231116
	random := rand.New(rand.NewPCG(seed, 0))
	r.start()
	wait := r.talk(ctx)
	for range 20 {
		r.gather()
		time.Sleep(time.Duration(random.IntN(10_000)) * time.Microsecond) // a random point of a gather
		r.kill()
		require.LessOrEqual(t, r.sum.Bytes, r.ns.Counters(t)["sent"].Bytes)
		r.start()
	}
	cancel()
	wait()
	r.finish()
	counted := r.ns.Counters(t)["sent"]
	t.Logf("%d of %d packets after 20 kills, %d of which lost some and logged it", r.sum.Packets, counted.Packets, r.warns)
	if r.warns == 0 {
		require.Equal(t, counted, r.sum)
	}
	require.LessOrEqual(t, r.sum.Packets, counted.Packets)
	require.LessOrEqual(t, r.sum.Bytes, counted.Bytes)
}
