//go:build soak

package soak

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// changeMarks gives flows other marks, again and again. A flow whose mark changes
// before anybody has read it was never let in, which no ledger knows: so only such
// change theirs that were there before a gather.
func (s *soak) changeMarks(ctx context.Context) error {
	for s.pause(ctx) {
		flows, err := s.g.router.Flows()
		if err != nil {
			return err
		}
		s.meter.gather()
		if err := s.g.router.Mark(flows, func() uint32 { return uint32(1 + s.pauses.IntN(3)) }); err != nil {
			return err
		}
	}
	return nil
}

// zero zeroes the counters of all flows amid a round. What a flow sends between its
// last reading and that is lost to everybody else, and if it then sends as much as
// before until the next reading, nobody can tell: so a gather comes right before, and
// one right after, on a quiet wire. The ledger of flows does the same, that of nftables
// has counters of its own.
func (s *soak) zero() {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		s.requireQuiet()
		before := s.packets()
		s.meter.gather()
		s.flows.Zero()
		s.meter.gather()
		if s.packets() == before {
			break
		}
		s.t.Log("counters zeroed: the wire was not quiet")
		s.beginAnew()
	}
	s.disturb(round{mix: everything}, s.length)
	s.requireQuiet()
}

// stallOutput keeps the plugin from passing on a gather while flows end. The kernel
// may keep none of them for it: no more than live count against nf_conntrack_max.
func (s *soak) stallOutput(ctx context.Context) error {
	s.meter.mu.Lock()
	defer s.meter.mu.Unlock()
	<-ctx.Done()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		flows, err := s.g.router.Flows()
		if err != nil {
			return err
		}
		text, err := s.g.router.Command("cat", "/proc/sys/net/netfilter/nf_conntrack_count").Output()
		if err != nil {
			return err
		}
		if count, err := strconv.Atoi(strings.TrimSpace(string(text))); err != nil || count <= len(flows) {
			return err
		}
	}
	return errors.New("the kernel keeps dead flows for a plugin whose output nobody reads")
}

// changeSysctls changes what does not change the counts, at any time.
func (s *soak) changeSysctls(ctx context.Context) (err error) {
	values := map[string][]int{
		"nf_conntrack_timestamp": {0, 1}, "nf_conntrack_events": {2, 1}, "nf_conntrack_tcp_timeout_time_wait": {1, 20},
		"nf_conntrack_udp_timeout": {1, 30}, "nf_conntrack_tcp_timeout_close": {1, 10},
	}
	for i := 0; s.pause(ctx) && err == nil; i++ {
		for name, v := range values {
			err = errors.Join(err, s.g.router.SetSysctl(name, v[s.pauses.IntN(2)]))
		}
	}
	for name, v := range values {
		if e := s.g.router.SetSysctl(name, v[1]); e != nil {
			err = errors.Join(err, fmt.Errorf("setting %s back: %w", name, e))
		}
	}
	return err
}
