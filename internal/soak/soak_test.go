//go:build soak

package soak

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// patience bounds the waits on a busy machine.
const patience = 2 * time.Minute

// A soak plays rounds on a gateway and compares the three counts after each.
type soak struct {
	t      *testing.T
	rng    *rand.Rand
	pauses *rand.Rand // for what runs beside a load
	g      *gateway
	flows  *testkit.FlowLedger
	meter  *meter
	load   *load
	stalls stalls
	table  table
	length time.Duration // of a round, at least
	burst  int           // flows of a burst
	last   reading       // of the last comparison
}

// TestSoak plays each round once, but for those that take too much for a test
// among others, or, with SOAK_DURATION=10m, all of them for as long. SOAK_SEED
// makes a run happen again, as far as the kernel's timing allows.
func TestSoak(t *testing.T) {
	seed := uint64(1)
	if text := os.Getenv("SOAK_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "SOAK_SEED")
		seed = n
	}
	s := newSoak(t, seed)
	t.Logf("seed %d", seed)
	defer s.finish()
	duration := time.Duration(0)
	if text := os.Getenv("SOAK_DURATION"); text != "" {
		d, err := time.ParseDuration(text)
		require.NoError(t, err, "SOAK_DURATION")
		duration = d
	}
	s.playFor(duration)
}

func newSoak(t *testing.T, seed uint64) *soak {
	s := &soak{
		t: t, rng: rand.New(rand.NewPCG(seed, 1<<32)), pauses: rand.New(rand.NewPCG(seed, 1<<33)),
		g: newGateway(t),
	}
	for _, side := range s.g.sides {
		side.serve(t)
	}
	s.flows = testkit.NewFlowLedger(t, s.g.router, ports...)
	s.meter = newMeter(t, s.g.router)
	s.load = newLoad(t, s.g, seed, 4)
	go s.stalls.watch(t.Context())
	s.setTimeouts(defaultTimeouts())
	s.meter.start(s.anyOptions())
	return s
}

// playFor plays each round once and then, while there is time, all of them again
// in another order and each for another time. With no time at all, rounds are short.
func (s *soak) playFor(duration time.Duration) {
	start, all := time.Now(), rounds()
	s.length, s.burst = time.Second, 20_000
	if duration == 0 {
		s.length, s.burst = 300*time.Millisecond, 5000
	}
	for _, r := range all {
		if duration == 0 && r.long != "" {
			s.t.Logf("%s: left to make soak: it %s", r.name, r.long)
			continue
		}
		s.play(r, s.length)
	}
	for time.Since(start) < duration && !s.t.Failed() {
		r := all[s.rng.IntN(len(all))]
		s.play(r, s.length+time.Duration(s.rng.IntN(6000))*time.Millisecond)
	}
}

// finish ends all flows and says what was done.
func (s *soak) finish() {
	if !s.t.Failed() {
		s.play(round{name: "the end", before: func(s *soak) { s.load.hangUp() }, after: (*soak).flush}, 0)
	}
	done := s.load.operations()
	s.t.Logf("operations: %v\n%s", done, s.table.String())
	if s.t.Failed() {
		return
	}
	for _, op := range everything {
		require.NotZero(s.t, done[op.name], "no %s: this proves nothing", op.name)
	}
	require.NotZero(s.t, s.meter.log.full(), "the receive buffer never overran: this proves nothing")
}

// play plays a round and compares.
func (s *soak) play(r round, length time.Duration) {
	synsBefore := s.g.retransmittedSYNs()
	s.stalls.begin()
	began := time.Now()
	if r.before != nil {
		r.before(s)
	}
	if r.restart != nil {
		s.restart(r.restart(s))
	}
	s.disturb(r, length)
	s.requireQuiet()
	if r.after != nil {
		r.after(s)
	}
	s.compare(r, synsBefore)
	s.report(r, began)
}

// disturb runs the load, the round's disturbance, and gathers, all at once.
func (s *soak) disturb(r round, length time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), length)
	defer cancel()
	var load, rest sync.WaitGroup
	if r.mix != nil {
		load.Go(func() { s.load.run(ctx, r.mix) })
	}
	if r.burst != nil {
		load.Go(func() { s.check(r.burst(s)) })
	}
	if r.beside != nil {
		rest.Go(func() { s.check(r.beside(s, ctx)) })
	}
	pause := time.Duration(s.rng.IntN(300)) * time.Millisecond
	over := make(chan struct{})
	rest.Go(func() {
		for { // until the load is over
			select {
			case <-over:
				return
			case <-time.After(pause):
				s.meter.gather()
			}
		}
	})
	load.Wait()
	<-ctx.Done()
	close(over)
	rest.Wait()
}

// check is for goroutines that may not end the test.
func (s *soak) check(err error) {
	if err != nil {
		s.t.Error(err)
	}
}

// restart stops the plugin and starts another with other options, on a quiet
// wire. Without a state file the new one knows nothing of connections that end
// in between, so that those that could time out are ended before.
func (s *soak) restart(set options) {
	s.requireQuiet()
	for _, those := range [][]string{{"tcp", "--state", "SYN_SENT"}, {"sctp"}} {
		// The tool fails where there is none.
		_ = s.g.router.Command(testkit.Tool("conntrack"), append([]string{"-D", "-p"}, those...)...).Run()
	}
	before := s.packets() // which the readings that follow have
	s.await(func(now reading) bool { return maps.Equal(now.flows, now.plugin) })
	s.meter.stop()
	s.meter.start(set)
	if s.packets() != before {
		s.beginAnew()
	}
}

// beginAnew compares only what comes from now on: the wire was not quiet while no
// plugin ran. TCP waits longer each time before it sends a segment again.
func (s *soak) beginAnew() {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		before := s.packets()
		s.meter.gather()
		s.last = s.read()
		if s.packets() == before {
			return
		}
	}
}

// packets returns how many packets nftables counted so far.
func (s *soak) packets() uint64 { return s.g.router.Counters(s.t)["total"].Packets }

// reading is what the three counts say.
type reading struct {
	nft, flows, plugin ledger
	ended, events      uint64
}

func (s *soak) read() reading {
	plugin := s.meter.accounted()
	flows := s.flows.Read()
	return reading{
		nft:    fromPairs(s.g.router.Pairs(s.t), nil),
		flows:  fromPairs(flows.Sent, flows.Closed),
		plugin: plugin,
		ended:  flows.Ended, events: flows.Events,
	}
}

func (r reading) since(before reading) reading {
	return reading{
		r.nft.since(before.nft), r.flows.since(before.flows), r.plugin.since(before.plugin),
		r.ended - before.ended, r.events - before.events,
	}
}

// await gathers and takes readings until one is as wanted, or for too long: TCP
// may still send a delayed acknowledgement, and flows end all the time. It
// returns the last one, and what came since the last comparison.
func (s *soak) await(wanted func(since reading) bool) (all, since reading) {
	for deadline := time.Now().Add(patience); ; {
		s.meter.gather()
		all = s.read()
		since = all.since(s.last)
		if wanted(since) || time.Now().After(deadline) {
			return all, since
		}
	}
}

// compare requires that the plugin says what the flows say, and what nftables
// says where the two count the same.
func (s *soak) compare(r round, synsBefore int) {
	var note string
	all, now := s.await(func(now reading) bool {
		note = s.looseness(r, synsBefore)
		return s.matchesFlows(r, now) && (note != "" || maps.Equal(now.nft, now.plugin.withoutConnections()))
	})
	s.last = all
	s.table.add(r.name, now, s.meter.log.full(), note)
	if !s.matchesFlows(r, now) {
		s.t.Errorf("%s: the plugin differs from the flows:\n%s", r.name, explain(now.flows, now.plugin))
	}
	if note == "" && !maps.Equal(now.nft, now.plugin.withoutConnections()) {
		s.t.Errorf("%s: the plugin differs from nftables:\n%s", r.name, explain(now.nft, now.plugin.withoutConnections()))
	}
}

// matchesFlows reports whether the plugin says what the flows say. Without start
// times, a flow that looks like one that has just ended, as that of a packet sent
// again does, is one to the plugin and two to the ledger, or the other way round.
func (s *soak) matchesFlows(r round, now reading) bool {
	return maps.Equal(now.flows, now.plugin) || r.untimed && s.stalls.met()
}

// looseness says why nftables counts otherwise, if it does.
func (s *soak) looseness(r round, synsBefore int) string {
	switch {
	case r.loose != "":
		return r.loose
	case s.stalls.met():
		return "the machine stood still"
	case s.g.retransmittedSYNs() != synsBefore:
		return "SYNs were sent again"
	}
	return ""
}

// report says what went wrong beside the counts.
func (s *soak) report(r round, began time.Time) {
	s.t.Logf("%s: %s", r.name, time.Since(began).Round(time.Millisecond))
	for name, err := range s.load.failures() {
		s.t.Logf("%s: %s: %v", r.name, name, err)
	}
	for _, line := range s.meter.log.take("EW") {
		s.t.Logf("%s: %s", r.name, line)
		if strings.HasPrefix(line, "E!") && (r.alarm == "" || !strings.Contains(line, r.alarm)) {
			s.t.Errorf("%s: the plugin says: %s", r.name, line)
		}
	}
}

// requireQuiet waits until no packet has been counted for longer than TCP
// delays an acknowledgement (40 to 200 ms).
func (s *soak) requireQuiet() {
	s.t.Helper()
	last, since := s.g.router.Counters(s.t)["total"], time.Now()
	require.Eventually(s.t, func() bool {
		if now := s.g.router.Counters(s.t)["total"]; now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 250*time.Millisecond
	}, patience, 50*time.Millisecond) // each look is a process
}

func (s *soak) flush() {
	require.NoError(s.t, s.g.router.Flush())
}
