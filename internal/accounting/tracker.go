package accounting

import (
	"math"
	"time"

	"telegraf-conntrack-accounting/internal/slabmap"
)

// Config selects what a [Tracker] accounts, and under which series.
type Config struct {
	Filter      Filter
	Source      Grouping // of the opener's address
	Destination Grouping // of the responder's address
	GroupBy     GroupBy  // what else distinguishes series
	Translated  bool     // take the responder, address and port, from the reply tuple: the real server behind DNAT
	TrackOpen   bool     // fill Series.Open
	MaxSeries   int      // series per interval, beyond which new ones fold
	Unanswered  Unanswered

	// PickedUpByPort decides by the ports who opened a connection that conntrack
	// picked up midway.
	PickedUpByPort bool

	// AccountExisting accounts everything that the flows of the baseline have sent, not
	// only what they send after it.
	AccountExisting bool

	// MissingTTL is how long a flow that dumps no longer show may still send a
	// DESTROY event. 0 where the kernel sends none (nf_conntrack_events=0).
	MissingTTL time.Duration

	// MayRepeat reports whether the kernel may repeat DESTROY events. It is called
	// if nothing else distinguishes a repeated event from that of another flow. nil: it
	// always may.
	MayRepeat func() bool
}

// Stats describe a Tracker. The counters are totals since NewTracker. The gauges are
// current values: each dump sets those "in the last dump" again.
type Stats struct {
	// Gauges.
	Flows           int // flows remembered
	Tombstones      int // dead flows remembered
	Missing         int // flows of Flows that the last complete dump did not show
	Resumed         int // flows that the state brought, at the start
	Offloaded       int // flows in a flowtable, in the last dump
	Remarked        int // accepted flows whose mark has changed to another one, in the last dump
	PickedUp        int // flows that conntrack picked up midway, in the last dump
	PickedUpRefused int // such flows that the filter rejects, but would accept with the ends swapped, in the last dump
	Unanswered      int // flows that nobody has answered, in the last dump

	// Counters.
	Uncounted  uint64 // readings without counters (nf_conntrack_acct was off)
	Swept      uint64 // flows that vanished without a DESTROY event and were forgotten
	Emitted    uint64 // series emitted
	Repeated   uint64 // DESTROY events that came twice
	ShortFlows uint64 // flows that only their DESTROY event showed
	OlderFlows uint64 // flows that ended during the baseline, not accounted
	OlderBytes uint64 // bytes of OlderFlows in both directions, from their beginning
	Restarted  uint64 // flows whose counters went back: zeroed, or a new flow
	Zeroed     uint64 // flows of Restarted that were zeroed: their start time is the same
	DiedUnseen uint64 // flows of Resumed that ended before this Tracker began
	Folded     Folded

	IgnoredFlows   uint64 // flows that ended unanswered and were left out
	IgnoredPackets uint64 // packets of IgnoredFlows
	IgnoredBytes   uint64 // bytes of IgnoredFlows
}

// Tracker remembers flows and accounts what they send. It is not safe for concurrent
// use.
type Tracker struct {
	cfg      Config
	ports    *Ports
	networks *Networks
	srcNames names // of the networks, by group
	dstNames names
	series   seriesTable
	stats    Stats

	flows       slabmap.Map[key, entry]
	dnatTargets map[key]responder // the responders that are not the original destination
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
	t := &Tracker{
		cfg:         cfg,
		series:      newSeriesTable(cfg.MaxSeries, cfg.GroupBy.splits()),
		dnatTargets: make(map[key]responder),
		closes:      make(closeTimes),
	}
	if !cfg.AccountExisting {
		t.olderThan = math.MaxInt64
	}
	return t
}

// SetPorts replaces the interesting ports. What flows send from now on is accounted
// under the new ones.
func (t *Tracker) SetPorts(p *Ports) { t.ports = p }

// SetMissingTTL replaces Config.MissingTTL. Call it when the kernel begins to send
// DESTROY events.
func (t *Tracker) SetMissingTTL(d time.Duration) { t.cfg.MissingTTL = d }

// BeginBaseline begins the baseline. Flows that the dumps show up to the first
// complete one are older than the Tracker. So are flows that are destroyed meanwhile and
// started before listenerStart, when the DESTROY listener joined. While the dying list
// is not empty, it may hold older flows that no dump has shown.
func (t *Tracker) BeginBaseline(listenerStart time.Time) {
	t.baseline, t.listenerStart = true, listenerStart.UnixNano()
}

// Take ends the interval, hands its series over, and begins a new one. It takes little
// time, so that callers can hold a lock: passing the series on, which may take long,
// comes after it.
func (t *Tracker) Take(into *Interval) {
	t.stats.Emitted += t.series.swap(into)
}

// Stats returns the counters and gauges.
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
// the baseline. Without a start time (0), a flow counts as older until the first
// complete dump. A flow that began in the future counts as older, too: the clock was
// set back since.
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
