package accounting

import (
	"time"

	"telegraf-conntrack-accounting/internal/slabmap"
)

// Config says what a [Tracker] accounts and under which series.
type Config struct {
	Filter      Filter
	Source      Grouping // of the opener's address
	Destination Grouping // of the responder's address
	GroupBy     GroupBy  // what else tells series apart
	Translated  bool     // take the responder, address and port, from the reply tuple: the real server behind DNAT
	TrackOpen   bool     // fill Series.Open
	MaxSeries   int      // series an interval, beyond which new ones fold
	Unanswered  Unanswered

	// PickedUpByPort has the ports say who opened a connection that conntrack picked
	// up amid its life.
	PickedUpByPort bool

	// AccountExisting accounts flows of the baseline with all they have sent
	// so far, instead of what they send from then on.
	AccountExisting bool

	// MissingTTL is how long a flow that dumps no longer show may still send a
	// DESTROY event. 0 where the kernel sends none (nf_conntrack_events=0).
	MissingTTL time.Duration

	// MayRepeat reports whether the kernel may send DESTROY events again, that
	// this Tracker has had already. It is asked where nothing else tells such an
	// event from that of another flow. nil: it always may.
	MayRepeat func() bool
}

// Stats count what a Tracker met since it began, but for Flows.
type Stats struct {
	Flows      int    // flows remembered now
	Tombstones int    // dead flows remembered now
	Missing    int    // flows of Flows that the last dump did not show
	Uncounted  uint64 // readings without counters (nf_conntrack_acct was off)
	Swept      uint64 // flows that vanished without a DESTROY and were forgotten
	Emitted    uint64 // series emitted
	Repeated   uint64 // DESTROY events that came twice
	ShortFlows uint64 // flows that only their DESTROY event showed
	OlderFlows uint64 // flows that ended while the baseline ran, not accounted
	OlderBytes uint64 // bytes of OlderFlows in both directions, from their beginning
	Restarted  uint64 // flows whose counters went back: zeroed, or a new flow
	Zeroed     uint64 // those of Restarted that are no new flow: they began when they had begun before
	Resumed    int    // flows that a state brought
	DiedUnseen uint64 // flows of Resumed that ended before this Tracker began
	Offloaded  int    // flows that the last dump showed in a flowtable
	Remarked   int    // flows that were let in and that the last dump showed under another mark
	PickedUp   int    // flows that it showed and that conntrack picked up amid their life
	Unanswered int    // flows that the last dump showed and nobody had answered

	PickedUpRefused int // such that the last dump showed, left out as the wrong way round

	Folded Folded

	IgnoredFlows   uint64 // flows that ended unanswered and were left out
	IgnoredPackets uint64 // packets of IgnoredFlows
	IgnoredBytes   uint64 // bytes of IgnoredFlows
}

// Tracker remembers flows and accounts what they send.
type Tracker struct {
	cfg      Config
	ports    *Ports
	networks *Networks
	srcNames names // of the networks, by group
	dstNames names
	series   seriesTable
	stats    Stats

	flows       slabmap.Map[key, entry]
	dnatTargets map[key]responder // those that are not the original destination
	dead        tombstones
	closes      closeTimes
	pending     []pendingClose
	dnatHeld    most       // of dnatTargets
	closed      most       // of closes
	back        []wentBack // without start time, since the dump began
	changed     Flow       // what orient or notBehind returned last

	timeouts TCPTimeouts

	dump     uint32 // number of the last dump that began
	complete uint32 // number of the last dump that showed the whole table
	dumpTime int64  // ns, when the current dump began
	shown    int    // remembered flows that the current dump has shown
	showsAll bool   // the current dump shows flows of all marks
	allShown uint32 // number of the last complete dump that did

	baseline      bool  // the baseline is being taken
	listenerStart int64 // ns, when the DESTROY listener joined
	olderThan     int64 // ns, the baseline ignores unknown flows that began before
}

// NewTracker returns a Tracker that holds no flow.
func NewTracker(cfg Config) *Tracker {
	return &Tracker{
		cfg:         cfg,
		series:      newSeriesTable(cfg.MaxSeries, cfg.GroupBy.splits()),
		dnatTargets: make(map[key]responder),
		closes:      make(closeTimes),

		olderThan: existingOlderThan(&cfg),
	}
}

// SetPorts replaces the interesting ports. What a flow sends from now on is
// accounted under the new ones.
func (t *Tracker) SetPorts(p *Ports) { t.ports = p }

// SetMissingTTL replaces the configured time, for when the kernel begins to send DESTROY
// events.
func (t *Tracker) SetMissingTTL(d time.Duration) { t.cfg.MissingTTL = d }

// BeginBaseline begins the baseline: the dumps up to the first complete one show
// flows that are older than the Tracker, and as long as the dying list is not empty,
// such can be on it that no dump has shown. listenerStart is when the DESTROY listener
// joined; flows destroyed in between that started before it are older too.
func (t *Tracker) BeginBaseline(listenerStart time.Time) {
	t.baseline, t.listenerStart = true, listenerStart.UnixNano()
}

// OnDestroy accounts a DESTROY event: what the flow sent since its last reading
// and, for a connection, its end.
func (t *Tracker) OnDestroy(f *Flow, now time.Time) {
	f = t.orient(f)
	var dst responder
	if !t.admit(f, &dst) {
		return
	}
	k := keyOf(f)
	end := final{f.OrigCounters, f.ReplyCounters}
	e := t.flows.Get(&k)
	known := e != nil
	if !known && t.repeated(&k, &end) {
		t.stats.Repeated++
		t.accountLate(&k, f, &dst)
		return
	}
	if !known {
		if !t.cfg.Filter.matchMark(f) {
			return
		}
		if t.older(f, now.UnixNano()) {
			t.stats.OlderFlows++
			t.stats.OlderBytes += f.OrigCounters.Bytes + f.ReplyCounters.Bytes
			t.dead.put(&k, end)
			return
		}
		t.stats.ShortFlows++
		e = &entry{first: now.UnixNano()}
	}
	if e.has(ending) && k.Start != 0 {
		f = t.notBehind(f, e)
		end = final{f.OrigCounters, f.ReplyCounters}
	}
	e.mark = f.Mark & t.cfg.GroupBy.MarkMask
	ahead := t.accountEnd(&k, e, f, &dst, now.UnixNano())
	t.countIgnored(e, f.OrigCounters, f.ReplyCounters)
	if e.countable(&k) {
		t.countClosed(t.seriesKey(&k, e, &dst), &k, e, t.endOf(&k, e, f, now))
	}
	early := k.Start == 0 && e.counted && !f.answered() // it was its successor that had closed
	switch {
	case ahead != (final{}) || early:
		e.succeed(ahead, early, t.dumpTime)
	case known:
		t.removeFlow(&k, e)
	}
	delete(t.closes, k.untimed())
	if t.cfg.PickedUpByPort {
		r := f.reverse()
		delete(t.closes, keyOf(&r).untimed()) // the ports may have said otherwise then
	}
	t.dead.put(&k, end)
}

// OnClose takes the UPDATE event of a connection that has closed. It only
// makes the connection's lifetime exact: losing it loses neither bytes nor
// connections.
func (t *Tracker) OnClose(f *Flow, now time.Time) {
	f = t.orient(f)
	var dst responder
	if !t.admit(f, &dst) || !f.over() || f.TCPState == tcpTimeWait {
		return // TIME_WAIT always follows a state that has told the time already
	}
	if !t.cfg.Filter.matchMark(f) {
		return // one that was let in with another mark is timed by its timeout
	}
	at := f.Event
	if at == 0 {
		at = now.UnixNano()
	}
	t.closes.add(keyOf(f), at)
	t.closed.note(len(t.closes))
}

// Take ends the interval, hands its series over, and begins a new one. It costs
// little, however long it takes to pass the series on.
func (t *Tracker) Take(into *Interval) {
	t.stats.Emitted += t.series.swap(into)
}

// Stats returns what the Tracker met so far.
func (t *Tracker) Stats() Stats {
	s := t.stats
	s.Flows, s.Tombstones = t.flows.Len(), t.dead.young.Len()+t.dead.old.Len()
	return s
}

// admit sets the responder of the flow in the configured view, and reports whether
// the flow is accounted at all.
func (t *Tracker) admit(f *Flow, dst *responder) bool {
	t.setResponder(dst, f)
	return t.cfg.Filter.match(f, dst.addr)
}

// older reports whether an unknown flow, read by the given time (ns), is older than
// the baseline. Without a start time, 0, it is taken as older until a dump was
// complete; so is one that began in the future: the clock was set back since.
func (t *Tracker) older(f *Flow, now int64) bool {
	if f.Start > now {
		return t.baseline && t.olderThan != 0
	}
	return f.Start < t.unknownBefore() && (f.Start != 0 || t.complete == 0)
}

func (t *Tracker) removeFlow(k *key, e *entry) {
	if e.dump == t.dump {
		t.shown--
	}
	delete(t.dnatTargets, *k)
	t.flows.Delete(k)
}
