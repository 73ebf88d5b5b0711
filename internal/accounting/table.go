package accounting

import "telegraf-conntrack-accounting/internal/slabmap"

// key identifies a flow. CTA_ID alone does not: it is a 32-bit hash, and a flow that
// takes over the slab slot and tuple of a dead one gets the same ID. Start then still
// differs, where the kernel gives it.
type key struct {
	Src, Dst         Addr
	Start            int64
	ID               uint32
	SrcPort, DstPort uint16
	Zone             uint16
	Proto            uint8
}

func keyOf(f *Flow) key {
	return key{
		Src: f.Orig.Src, Dst: f.Orig.Dst, Start: f.Start, ID: f.ID,
		SrcPort: f.Orig.SrcPort, DstPort: f.Orig.DstPort, Zone: f.Zone, Proto: f.Proto,
	}
}

// Hash mixes the fields that differ most. CTA_ID is a keyed hash itself, so an attacker
// cannot choose flows that collide.
func (k key) Hash() uint32 {
	h := uint64(k.ID)<<32 | uint64(k.SrcPort)<<16 | uint64(k.DstPort)
	h ^= uint64(k.Start) ^ uint64(k.Zone)<<48
	h *= 0x9e3779b97f4a7c15
	return uint32(h >> 32)
}

// untimed is the key without the start, which UPDATE events do not have.
func (k key) untimed() key {
	k.Start = 0
	return k
}

// entry is what is remembered of a live flow.
type entry struct {
	orig, reply Counters  // as accounted so far
	first       int64     // ns, when it was first seen
	lastSeen    int64     // ns, start of the last dump that showed it
	dump        uint32    // number of that dump; 0 for one of another Tracker
	mark        uint32    // connmark when last read, under GroupBy.MarkMask
	src, dst    networkID // networks of its endpoints, once they were looked up
	counted     bool      // its connection is counted as closed
	flags       flags
}

// flags are part of what is remembered of a flow.
type flags uint8

const (
	pending  flags = 1 << iota // the connection is closed, to be counted when the dump ends
	answered                   // see Flow.answered
	ending                     // a dump showed it on the dying list
)

func (e *entry) has(f flags) bool { return e.flags&f != 0 }

// resumed reports whether the entry is from the state of another Tracker and no dump has
// shown the flow since. Every other entry is made while a dump shows the flow.
func (e *entry) resumed() bool { return e.dump == 0 }

// ahead reports whether a counter of the last reading is above these.
func (e *entry) ahead(orig, reply Counters) bool {
	return goneBack(e.orig, orig) || goneBack(e.reply, reply)
}

// final are the counters a flow died with.
type final struct {
	orig, reply Counters
}

func finalOf(f *Flow) final { return final{f.OrigCounters, f.ReplyCounters} }

// tombstones remember dead flows as long as a dump may still show them: until a dump that
// started after the death has ended. They also identify DESTROY events that the kernel
// repeats because another listener had no room. Until all listeners have the event, the
// flow is on the dying list, and while that list is not empty no tombstone is removed.
type tombstones struct {
	young slabmap.Map[key, final] // died since the last dump started
	old   slabmap.Map[key, final] // died before it started
}

// get returns the tombstone of a flow, nil if there is none.
func (t *tombstones) get(k *key) *final {
	if f := t.young.Get(k); f != nil {
		return f
	}
	return t.old.Get(k)
}

func (t *tombstones) put(k *key, f final) {
	t.old.Delete(k)
	*t.young.Put(k) = f
}

func (t *tombstones) dumpStarts() {
	if t.old.Len() == 0 {
		t.young, t.old = t.old, t.young
		return
	}
	for k, f := range t.young.All() { // the last dump removed none: keep both
		*t.old.Put(k) = *f
	}
	t.young.Clear()
}

func (t *tombstones) dumpEnds() { t.old.Clear() }
