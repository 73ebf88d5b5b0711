package accounting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/slabmap"
)

// A state holds all that a Tracker needs to continue where another one ended. It begins
// with a time (ns): flows that began before it and are not in the state are not
// accounted, since the baseline that left them out was not over. 0 means that there are
// none. Then come
//
//	flows       with their last readings
//	tombstones  since a DESTROY event can be repeated to the next Tracker
//	closes      of connections that are not counted yet
//	series      that were accounted and not yet taken
//
// each as a count and as many records.

var (
	errState   = errors.New("not a state of this version")
	errNotIdle = errors.New("the state can be saved between dumps only")
)

// AppendState appends the state to b. Call it between dumps.
func (t *Tracker) AppendState(b []byte) ([]byte, error) {
	if len(t.pending) > 0 {
		return b, errNotIdle
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(t.unknownBefore()))
	b = binary.AppendUvarint(b, uint64(t.flows.Len()))
	for k, e := range t.flows.All() {
		dst, translated := t.dnatTargets[*k]
		b = appendFlow(b, k, e, dst, translated)
	}
	b = binary.AppendUvarint(b, uint64(t.dead.young.Len()+t.dead.old.Len()))
	for _, tombs := range []*slabmap.Map[key, final]{&t.dead.old, &t.dead.young} {
		for k, f := range tombs.All() {
			b = appendCounters(appendKey(b, k, 0), &f.orig, &f.reply)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(t.closes)))
	for k, at := range t.closes {
		b = binary.LittleEndian.AppendUint64(appendKey(b, &k, 0), uint64(at))
	}
	b = binary.AppendUvarint(b, uint64(len(t.series.rows)))
	for i := range t.series.rows {
		b = appendSeries(b, &t.series.rows[i])
	}
	return b, nil
}

// Resume makes a new Tracker continue from the state that another one saved at the given
// time. The baseline then accounts what the flows of the state have sent
// since, and in full flows that began since. It also accounts in full flows that the
// other Tracker did not see, unless its own baseline was not over. Flows that ended
// since, while nothing listened, count in Stats.DiedUnseen once two complete dumps have
// missed them. After an error the Tracker is unchanged.
func (t *Tracker) Resume(state []byte, saved time.Time) error {
	s := &stateReader{b: state, dnatTargets: make(map[key]responder), closes: make(closeTimes)}
	if err := s.read(saved.UnixNano()); err != nil {
		return fmt.Errorf("reading the state of accounting: %w", err)
	}
	t.flows, t.dnatTargets, t.closes = s.flows, s.dnatTargets, s.closes
	t.dead = tombstones{young: s.dead}
	for i := range s.rows {
		row := &s.rows[i]
		s, _ := t.series.get(t.cfg.GroupBy.fit(row.Key), true)
		s.merge(row)
	}
	t.dump = 1 // none of the flows was shown by a dump of this Tracker
	t.stats.Resumed = t.flows.Len()
	t.olderThan = s.olderThan
	return nil
}

// unknownBefore returns a time (ns): unknown flows that began before it are not
// accounted. It is 0 once the baseline is over, which has shown all older flows. With a
// mark it never is: the baseline has not shown flows with other marks, which may have been
// let in, and accounted, earlier.
func (t *Tracker) unknownBefore() int64 {
	if !t.baseline && t.cfg.Filter.MarkMask == 0 {
		return 0
	}
	return min(t.listenerStart, t.olderThan)
}

// ResumeAfter makes a new Tracker continue after another one whose state is lost. taken
// is when the series of that one were last taken: flows that began later are accounted in
// full. How much of older flows was accounted is unknown, so they are accounted from now
// on, as after a first start.
func (t *Tracker) ResumeAfter(taken time.Time) { t.olderThan = taken.UnixNano() + 1 }
