package testkit

import (
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
	"github.com/ti-mo/conntrack"
	"github.com/ti-mo/netfilter"
	"golang.org/x/sys/unix"
)

// FlowLedger adds up what flows sent, as ti-mo/conntrack reads it: the final
// counters of each flow that ended, from DESTROY events on a socket of its own,
// and the counters of those that live.
type FlowLedger struct {
	t     testing.TB
	ns    *Netns
	ports map[string]bool
	fd    int
	quit  chan struct{}
	done  chan struct{}

	mu     sync.Mutex // guards what follows
	buffer []byte
	sums   FlowSums // of the flows that ended
	ended  recently
	during map[flowID]counters // those that ended since a reading began
	err    error
}

// FlowSums are what flows sent, and the connections among them that are over.
type FlowSums struct {
	Sent   map[Pair]Counter
	Closed map[Pair]uint64 // by the original direction
	Ended  uint64          // flows that have ended
	Events uint64          // that said so, with those that came again
}

// flowID tells flows apart, for sure only those with a start time.
type flowID struct {
	id    uint32
	zone  uint16
	tuple conntrack.Tuple
	start int64
}

// ledgerBuffer holds the events of a flush of a whole table: the ledger may not
// lose one, and must not make the kernel repeat any.
const ledgerBuffer = 1<<30 - 1

// NewFlowLedger begins a ledger of the flows of the namespace. ports are as
// for PairLedger.
func NewFlowLedger(t testing.TB, ns *Netns, ports ...string) *FlowLedger {
	t.Helper()
	l := &FlowLedger{
		t: t, ns: ns, ports: make(map[string]bool),
		quit: make(chan struct{}), done: make(chan struct{}),
		buffer: make([]byte, 64<<10),
		sums:   FlowSums{Sent: make(map[Pair]Counter), Closed: make(map[Pair]uint64)},
	}
	for _, port := range ports {
		l.ports[port] = true
	}
	if err := ns.Do(l.join); err != nil {
		t.Fatalf("listening to DESTROY events: %v", err)
	}
	go l.run() // until quit
	t.Cleanup(func() {
		close(l.quit)
		<-l.done
		_ = unix.Close(l.fd)
	})
	return l
}

func (l *FlowLedger) join() (err error) {
	if l.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_NETFILTER); err != nil {
		return err
	}
	return errors.Join(
		unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ledgerBuffer),
		unix.Bind(l.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptInt(l.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, int(netfilter.GroupCTDestroy)),
	)
}

func (l *FlowLedger) run() {
	defer close(l.done)
	for {
		select {
		case <-l.quit:
			return
		default:
		}
		if n, _ := unix.Poll([]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}, 50); n > 0 {
			l.mu.Lock()
			l.drain()
			l.mu.Unlock()
		}
	}
}

// drain handles the events that are queued.
func (l *FlowLedger) drain() {
	for l.err == nil {
		n, _, err := unix.Recvfrom(l.fd, l.buffer, 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			l.err = fmt.Errorf("receiving DESTROY events: %w", err)
			return
		}
		l.err = l.event(l.buffer[:n])
	}
}

// event handles a datagram, which holds one event. The kernel repeats events
// for listeners that are behind; each counts once.
func (l *FlowLedger) event(datagram []byte) error {
	var m netlink.Message
	if err := m.UnmarshalBinary(datagram); err != nil {
		return err
	}
	var e conntrack.Event
	if err := e.Unmarshal(m); err != nil || e.Type != conntrack.EventDestroy {
		return err
	}
	l.sums.Events++
	id := idOf(e.Flow)
	if l.during != nil {
		l.during[id] = counters{e.Flow.CountersOrig, e.Flow.CountersReply}
	}
	if id.start == 0 {
		l.end(e.Flow)
		return nil
	}
	before, again := l.ended.note(id, counters{e.Flow.CountersOrig, e.Flow.CountersReply})
	if !again {
		l.end(e.Flow)
		return nil
	}
	// Packets still find an entry between its event and its removal from the table.
	e.Flow.CountersOrig = beyond(e.Flow.CountersOrig, before.orig)
	e.Flow.CountersReply = beyond(e.Flow.CountersReply, before.reply)
	l.sums.send(l.pairOf(e.Flow), e.Flow)
	return nil
}

func (l *FlowLedger) end(f *conntrack.Flow) {
	l.sums.Ended++
	l.add(&l.sums, f, true)
}

// counters are those of a flow, in both directions.
type counters struct{ orig, reply conntrack.Counter }

func beyond(now, before conntrack.Counter) conntrack.Counter {
	now.Packets -= min(now.Packets, before.Packets)
	now.Bytes -= min(now.Bytes, before.Bytes)
	return now
}

func (l *FlowLedger) add(sums *FlowSums, f *conntrack.Flow, ended bool) {
	pair := l.pairOf(f)
	if isConnection(pair.Proto) && f.Status.Assured() && (ended || closed(f)) {
		sums.Closed[pair]++
	}
	sums.send(pair, f)
}

// pairOf returns the original direction of the flow.
func (l *FlowLedger) pairOf(f *conntrack.Flow) Pair {
	ip, proto := f.TupleOrig.IP, f.TupleOrig.Proto
	pair := Pair{Src: ip.SourceAddress, Dst: ip.DestinationAddress, Proto: proto.Protocol}
	if name := map[uint8]string{unix.IPPROTO_TCP: "tcp", unix.IPPROTO_UDP: "udp"}[proto.Protocol]; l.ports[fmt.Sprint(name, " ", proto.DestinationPort)] {
		pair.Port = proto.DestinationPort
	}
	return pair
}

// send adds what the flow of a pair sent.
func (sums *FlowSums) send(pair Pair, f *conntrack.Flow) {
	for _, c := range []conntrack.Counter{f.CountersOrig, f.CountersReply} {
		if c.Packets > 0 {
			sum := sums.Sent[pair]
			sum.Packets += c.Packets
			sum.Bytes += c.Bytes
			sums.Sent[pair] = sum
		}
		pair.Reply = true
	}
}

func isConnection(proto uint8) bool {
	return proto == unix.IPPROTO_TCP || proto == unix.IPPROTO_SCTP || proto == unix.IPPROTO_DCCP
}

// closed reports whether a TCP connection is in CLOSE_WAIT, LAST_ACK, TIME_WAIT
// or CLOSE.
func closed(f *conntrack.Flow) bool {
	tcp := f.ProtoInfo.TCP
	return tcp != nil && tcp.State >= 5 && tcp.State <= 8
}

// Read returns the sums over the flows that ended and those that live. Events
// that were sent before are counted.
func (l *FlowLedger) Read() FlowSums {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drain()
	l.during = make(map[flowID]counters)
	live, err := l.dump(nil)
	l.drain() // what ended while the dump ran
	if err := errors.Join(err, l.err); err != nil {
		l.t.Fatalf("reading the ledger of flows: %v", err)
	}
	sums := l.sums
	sums.Sent, sums.Closed = maps.Clone(sums.Sent), maps.Clone(sums.Closed)
	for i := range live {
		if _, gone := l.during[idOf(&live[i])]; !gone {
			l.add(&sums, &live[i], false)
		}
	}
	l.during = nil
	return sums
}

func idOf(f *conntrack.Flow) flowID {
	id := flowID{id: f.ID, zone: f.Zone, tuple: f.TupleOrig}
	if !f.Timestamp.Start.IsZero() {
		id.start = f.Timestamp.Start.UnixNano()
	}
	return id
}

// recently holds the last counters of flows that ended within the last minutes: for
// as long, the kernel may repeat an event while a listener is behind.
type recently struct {
	young, old map[flowID]counters
	since      time.Time // of young
}

// note notes the counters that a flow ended with, and returns those that were noted
// before.
func (r *recently) note(id flowID, end counters) (before counters, again bool) {
	if r.young == nil || time.Since(r.since) > 2*time.Minute {
		r.young, r.old, r.since = make(map[flowID]counters), r.young, time.Now()
	}
	before, again = r.young[id]
	if !again {
		before, again = r.old[id]
	}
	r.young[id] = end
	return before, again
}

func (l *FlowLedger) dump(options *conntrack.DumpOptions) (flows []conntrack.Flow, err error) {
	err = l.ns.Do(func() error {
		conn, err := conntrack.Dial(nil)
		if err != nil {
			return err
		}
		flows, err = conn.Dump(options)
		return errors.Join(err, conn.Close())
	})
	return flows, err
}

// Flush ends all flows of the namespace.
func (n *Netns) Flush() error {
	return n.Do(func() error {
		conn, err := conntrack.Dial(nil)
		if err != nil {
			return err
		}
		return errors.Join(conn.Flush(), conn.Close())
	})
}
