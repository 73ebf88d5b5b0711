//go:build soak

package soak

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
	"telegraf-conntrack-accounting/plugins/inputs/conntrack_accounting"
)

// A round is a load and what disturbs it.
type round struct {
	name    string
	long    string                             // why it is no test among others
	before  func(*soak)                        // on a quiet wire
	restart func(*soak) options                // restart the plugin, on a quiet wire
	mix     []operation                        // what the workers do
	burst   func(*soak) error                  // beside the workers
	beside  func(*soak, context.Context) error // until the context ends
	after   func(*soak)                        // on a quiet wire, before the comparison
	loose   string                             // why nftables counts otherwise
	untimed bool                               // its flows have no start times
	alarm   string                             // what the plugin may say as an error
}

func rounds() []round {
	return []round{
		{name: "everything", mix: everything},
		{
			name: "tiny buffer, closed connections deleted", mix: everything,
			restart: func(s *soak) options { return s.optionsWithBuffer(4 << 10) },
			beside:  (*soak).deleteClosed,
		},
		{
			name: "burst of flows, flushed into a tiny buffer", mix: everything,
			restart: func(s *soak) options { return s.optionsWithBuffer(32 << 10) },
			burst:   func(s *soak) error { return s.spray(s.burst) },
			after:   (*soak).flush,
		},
		{
			name: "flows that time out at once", mix: everything,
			before: func(s *soak) { s.setTimeouts(shortTimeouts()) },
			after:  func(s *soak) { s.setTimeouts(defaultTimeouts()) },
		},
		{
			name: "timestamps off", mix: everything, untimed: true,
			restart: func(s *soak) options {
				s.sysctl("nf_conntrack_timestamp", 0)
				return func(p *conntrack_accounting.Plugin) { p.SetSysctls = false }
			},
			after: func(s *soak) {
				s.flush() // flows without a start time, and what the plugin knows of them
				s.sysctl("nf_conntrack_timestamp", 1)
			},
		},
		{
			name: "events on demand", mix: everything,
			restart: func(s *soak) options {
				s.sysctl("nf_conntrack_events", 2)
				set := s.anyOptions()
				return func(p *conntrack_accounting.Plugin) { set(p); p.SetSysctls = false }
			},
			after: func(s *soak) { s.sysctl("nf_conntrack_events", 1) },
		},
		{
			name: "accounting off and on", mix: everything,
			beside: func(s *soak, ctx context.Context) (err error) {
				for value := 0; s.pause(ctx) && err == nil; value = 1 - value {
					err = s.g.router.SetSysctl("nf_conntrack_acct", value)
				}
				return errors.Join(err, s.g.router.SetSysctl("nf_conntrack_acct", 1))
			},
			after: (*soak).flush, // lest flows without counters live on
			loose: "flows without counters",
			alarm: "accounting is off (nf_conntrack_acct=0)",
		},
		{
			name: "flushes amid the load", mix: everything,
			restart: (*soak).anyOptions,
			beside: func(s *soak, ctx context.Context) (err error) {
				for s.pause(ctx) && err == nil {
					err = s.g.router.Flush()
				}
				return err
			},
			loose: "packets under way when their flow is flushed",
		},
		{
			name: "marks that change", mix: everything,
			before: (*soak).flush, // each flow begins with the mark that lets it in
			restart: func(s *soak) options {
				set := s.anyOptions()
				return func(p *conntrack_accounting.Plugin) { set(p); p.Mark = "0x1/0xff" }
			},
			beside: (*soak).changeMarks,
		},
		{name: "counters zeroed", mix: everything, after: (*soak).zero},
		{
			name: "nobody reads the plugin's output", mix: everything,
			before:  func(s *soak) { s.setTimeouts(shortTimeouts()) },
			restart: func(s *soak) options { return s.optionsWithBuffer(4 << 10) },
			beside:  (*soak).stallOutput,
			after:   func(s *soak) { s.setTimeouts(defaultTimeouts()) },
		},
		{
			name: "sysctls at runtime", mix: everything, untimed: true,
			restart: func(s *soak) options { return s.optionsWithBuffer(16 << 20) },
			beside:  (*soak).changeSysctls,
			after:   (*soak).flush, // flows without a start time
		},
		{
			name: "table full", long: "fills the table up to nf_conntrack_max",
			before:  func(s *soak) { s.setTimeouts(map[string]int{"udp_timeout": 600}) }, // a slow sender fills it, too
			restart: func(s *soak) options { return s.optionsWithBuffer(1 << 20) },
			burst:   func(s *soak) error { return s.spray(s.tableLimit() * 21 / 20) },
			after: func(s *soak) {
				require.NotZero(s.t, s.dropped(), "the table was never full: this proves nothing")
				s.flush()
				s.setTimeouts(defaultTimeouts())
			},
		},
		{
			name: "table resized", long: "changes the whole machine's table", mix: everything,
			beside: (*soak).resize,
			// A connection that two dumps in a row missed counts as closed while it lives.
			after: (*soak).flush,
		},
	}
}

// anyOptions are options that change nothing of what is counted.
func (s *soak) anyOptions() options { return s.optionsWithBuffer(4 << (10 + s.rng.IntN(15))) }

func (s *soak) optionsWithBuffer(bytes int) options {
	closeEvents, open := s.rng.IntN(3) > 0, s.rng.IntN(2) == 0
	return func(p *conntrack_accounting.Plugin) {
		p.ReceiveBuffer = config.Size(bytes)
		p.CloseEvents, p.TrackOpenConnections = closeEvents, open
	}
}

func (s *soak) sysctl(key string, value int) { s.g.router.Sysctl(s.t, key, value) }

// defaultTimeouts are the kernel's, but for connections that are over: the
// table of a long soak has to hold them. That of SYN_SENT has to stay: a
// sequence number that is older by more than 137 s looks like a newer one, and
// conntrack passes a second SYN of the same port then without counting it.
func defaultTimeouts() map[string]int {
	return map[string]int{
		"tcp_timeout_syn_sent": 120, "sctp_timeout_closed": 10,
		"tcp_timeout_time_wait": 20, "tcp_timeout_close": 10,
		"udp_timeout": 30, "udp_timeout_stream": 120, "icmp_timeout": 30, "icmpv6_timeout": 30,
		"gre_timeout": 30, "gre_timeout_stream": 180, "generic_timeout": 60,
	}
}

func shortTimeouts() map[string]int {
	return map[string]int{
		"tcp_timeout_syn_sent": 1, "sctp_timeout_closed": 1,
		"tcp_timeout_time_wait": 1, "tcp_timeout_close": 1,
		"udp_timeout": 1, "udp_timeout_stream": 1, "icmp_timeout": 1, "icmpv6_timeout": 1,
		"gre_timeout": 1, "gre_timeout_stream": 1, "generic_timeout": 1,
	}
}

func (s *soak) setTimeouts(seconds map[string]int) {
	for name, value := range seconds {
		s.sysctl("nf_conntrack_"+name, value)
	}
}

// pause waits for a moment; it returns false once the context has ended.
func (s *soak) pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(20+s.pauses.IntN(80)) * time.Millisecond):
		return true
	}
}

// deleteClosed deletes connections that are over, of which no packet is under
// way. Where there is none the tool fails.
func (s *soak) deleteClosed(ctx context.Context) error {
	for s.pause(ctx) {
		_ = s.g.router.Command(testkit.Tool("conntrack"), "-D", "-p", "tcp", "--state", "TIME_WAIT").Run()
	}
	return nil
}

// spray opens as many flows, of both families, as fast as one sender can.
func (s *soak) spray(flows int) error {
	w := s.load.workers[0]
	return errors.Join(w.spray(s.t.Context(), 0, flows/2), w.spray(s.t.Context(), 1, flows/2))
}

func (s *soak) tableLimit() int {
	text, err := os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_max")
	require.NoError(s.t, err)
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(s.t, err)
	return limit
}

// dropped returns how many packets the kernel dropped because the table was
// full, and how many flows it ended early.
func (s *soak) dropped() (sum uint64) {
	lines := strings.Split(s.g.router.Exec(s.t, "cat", "/proc/net/stat/nf_conntrack"), "\n")
	names := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		for i, value := range strings.Fields(line) {
			if names[i] == "drop" || names[i] == "early_drop" {
				n, err := strconv.ParseUint(value, 16, 64)
				require.NoError(s.t, err)
				sum += n
			}
		}
	}
	return sum
}

// resize doubles and halves the hash table, which the whole machine shares.
func (s *soak) resize(ctx context.Context) (err error) {
	const path = "/proc/sys/net/netfilter/nf_conntrack_buckets"
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	buckets, err := strconv.Atoi(strings.TrimSpace(string(text)))
	for i := 1; s.pause(ctx) && err == nil; i++ {
		err = os.WriteFile(path, fmt.Append(nil, buckets<<(i%2)), 0)
	}
	return errors.Join(err, os.WriteFile(path, text, 0))
}
