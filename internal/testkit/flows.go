package testkit

import (
	"errors"

	"github.com/ti-mo/conntrack"
)

// Zero has the kernel zero the counters of all flows, as conntrack -L -z does. The
// ledger loses none on a quiet wire. It reads them before: the kernel hands over what
// it zeroes, but a flow whose message did not fit into a datagram comes again in the
// next one, with zeros.
func (l *FlowLedger) Zero() {
	l.t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drain()
	l.during = make(map[flowID]counters)
	flows, err := l.dump(nil)
	if err == nil {
		_, err = l.dump(&conntrack.DumpOptions{ZeroCounters: true})
	}
	l.drain() // what ended meanwhile
	if err := errors.Join(err, l.err); err != nil {
		l.t.Fatalf("zeroing the counters: %v", err)
	}
	for i := range flows {
		if !l.endedWith(&flows[i]) {
			l.sums.send(l.pairOf(&flows[i]), &flows[i])
		}
	}
	l.during = nil
}

// endedWith reports whether the flow ended after this reading, with counters that
// nobody had zeroed: then its event has counted them.
func (l *FlowLedger) endedWith(f *conntrack.Flow) bool {
	end, ended := l.during[idOf(f)]
	return ended && end.orig.Packets >= f.CountersOrig.Packets && end.reply.Packets >= f.CountersReply.Packets
}

// Flow is a flow of the namespace that is there now.
type Flow struct{ flow conntrack.Flow }

// Flows returns all flows of the namespace.
func (n *Netns) Flows() (flows []Flow, err error) {
	err = n.Do(func() error {
		conn, err := conntrack.Dial(nil)
		if err != nil {
			return err
		}
		all, err := conn.Dump(nil)
		for _, f := range all {
			flows = append(flows, Flow{f})
		}
		return errors.Join(err, conn.Close())
	})
	return flows, err
}

// Mark sets the connmarks of flows; those that have ended have none.
func (n *Netns) Mark(flows []Flow, mark func() uint32) error {
	return n.Do(func() error {
		conn, err := conntrack.Dial(nil)
		if err != nil {
			return err
		}
		for i := range flows {
			f := &flows[i].flow
			_ = conn.Update(conntrack.Flow{TupleOrig: f.TupleOrig, Zone: f.Zone, Mark: mark()})
		}
		return conn.Close()
	})
}
