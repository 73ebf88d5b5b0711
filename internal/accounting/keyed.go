package accounting

import "iter"

// keyed is a map from keys to values that holds no pointers for the garbage
// collector to follow, never copies a value when it grows, and hands out
// pointers to values: a reading is looked up once, not once more to be stored.
//
// Records lie in chunks, in the order in which they were put. The index is an
// open-addressing hash table with linear probing.
type keyed[V any] struct {
	chunks [][]record[V]
	used   uint32   // records handed out so far, with the free ones among them
	free   []uint32 // records that were deleted
	index  []slot   // a power of two of them
	last   uint32   // record that follow was at
}

type record[V any] struct {
	k     key
	lives bool
	next  uint32 // record that came after this one, when last looked for with follow
	v     V
}

// slot refers to a record by its number and one: 0 is an empty slot. It has the
// key's hash, so that most other records need no look.
type slot struct {
	hash uint32
	ref  uint32
}

const (
	chunkSize = 1 << 10
	minIndex  = 1 << 10
)

// hash mixes what tells most flows apart. CTA_ID is a keyed hash of its own, so
// that nobody can choose flows that meet here.
func (k *key) hash() uint32 {
	h := uint64(k.ID)<<32 | uint64(k.SrcPort)<<16 | uint64(k.DstPort)
	h ^= uint64(k.Start) ^ uint64(k.Zone)<<48
	h *= 0x9e3779b97f4a7c15
	return uint32(h >> 32)
}

func (t *keyed[V]) len() int { return int(t.used) - len(t.free) }

func (t *keyed[V]) at(i uint32) *record[V] { return &t.chunks[i/chunkSize][i%chunkSize] }

// find returns the slot of the key, or the empty one where it would be. There
// is an index.
func (t *keyed[V]) find(k *key, hash uint32) uint32 {
	mask := uint32(len(t.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := t.index[i]
		if s.ref == 0 || s.hash == hash && t.at(s.ref-1).k == *k {
			return i
		}
	}
}

// get returns the value of the key, nil if there is none. It is valid until the
// key is deleted.
func (t *keyed[V]) get(k *key) *V {
	if t.len() == 0 {
		return nil
	}
	s := t.index[t.find(k, k.hash())]
	if s.ref == 0 {
		return nil
	}
	return &t.at(s.ref - 1).v
}

// follow is get for keys that are looked for in much the same order again and
// again, as those of dumps: it looks first at the one that came next the last
// time, and seldom has to go through the index, which no cache holds.
func (t *keyed[V]) follow(k *key) *V {
	if t.len() == 0 {
		return nil
	}
	last := t.at(t.last)
	if r := t.at(last.next); r.lives && r.k == *k {
		t.last = last.next
		return &r.v
	}
	s := t.index[t.find(k, k.hash())]
	if s.ref == 0 {
		return nil
	}
	last.next, t.last = s.ref-1, s.ref-1
	return &t.at(t.last).v
}

// put returns the value of the key, which is zero if there was none. It is
// valid until the key is deleted.
func (t *keyed[V]) put(k *key) *V {
	if t.len() >= len(t.index)/4*3 {
		t.grow()
	}
	hash := k.hash()
	i := t.find(k, hash)
	if t.index[i].ref == 0 {
		n := t.take()
		*t.at(n) = record[V]{k: *k, lives: true}
		t.index[i] = slot{hash, n + 1}
	}
	return &t.at(t.index[i].ref - 1).v
}

// take returns the number of a record that is not in use.
func (t *keyed[V]) take() uint32 {
	if n := len(t.free); n > 0 {
		i := t.free[n-1]
		t.free = t.free[:n-1]
		return i
	}
	if int(t.used) == len(t.chunks)*chunkSize {
		t.chunks = append(t.chunks, make([]record[V], chunkSize))
	}
	t.used++
	return t.used - 1
}

func (t *keyed[V]) grow() {
	old := t.index
	t.index = make([]slot, max(minIndex, 2*len(old)))
	mask := uint32(len(t.index) - 1)
	for _, s := range old {
		if s.ref == 0 {
			continue
		}
		i := s.hash & mask
		for t.index[i].ref != 0 {
			i = (i + 1) & mask
		}
		t.index[i] = s
	}
}

// delete deletes the key if it is there.
func (t *keyed[V]) delete(k *key) {
	if t.len() == 0 {
		return
	}
	i := t.find(k, k.hash())
	ref := t.index[i].ref
	if ref == 0 {
		return
	}
	t.at(ref - 1).lives = false
	t.free = append(t.free, ref-1)
	t.close(i)
}

// close empties a slot and moves those after it up, lest a search for them ends
// at the gap.
func (t *keyed[V]) close(gap uint32) {
	mask := uint32(len(t.index) - 1)
	for i := (gap + 1) & mask; t.index[i].ref != 0; i = (i + 1) & mask {
		home := t.index[i].hash & mask
		if (i-home)&mask >= (i-gap)&mask {
			t.index[gap] = t.index[i]
			gap = i
		}
	}
	t.index[gap] = slot{}
}

// all goes through all records. The one it is at may be deleted.
func (t *keyed[V]) all() iter.Seq2[*key, *V] {
	return func(yield func(*key, *V) bool) {
		for i := range t.used {
			if r := t.at(i); r.lives && !yield(&r.k, &r.v) {
				return
			}
		}
	}
}

// clear deletes all keys. It keeps the memory that they took, no more.
func (t *keyed[V]) clear() {
	chunks := (int(t.used) + chunkSize - 1) / chunkSize
	clear(t.chunks[chunks:])
	t.chunks = t.chunks[:chunks]
	if int(t.used) < len(t.index)/8 {
		t.index = nil
	}
	clear(t.index)
	t.used, t.free, t.last = 0, reuse(t.free), 0
}

// compact gives memory back once most records have been deleted.
func (t *keyed[V]) compact() {
	if t.used <= 64*chunkSize || t.len() > int(t.used)/4 {
		return
	}
	var smaller keyed[V]
	for k, v := range t.all() {
		*smaller.put(k) = *v
	}
	*t = smaller
}
