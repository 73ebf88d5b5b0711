// Package slabmap is a map for millions of small values that are read again and
// again in much the same order.
//
// It holds no pointers for the garbage collector to follow, never copies a value
// when it grows, and hands out pointers to values, so that a value is looked up
// once and changed in place. Records lie in chunks, in the order in which they were
// put; the index is an open-addressing hash table with linear probing.
package slabmap

import "iter"

// Key is the type of keys, without pointers. Hash spreads them over its lower bits.
type Key interface {
	comparable
	Hash() uint32
}

// Map maps keys to values. The zero Map is empty and ready for use. It is not
// safe for concurrent use.
type Map[K Key, V any] struct {
	chunks [][]record[K, V]
	used   uint32   // records handed out so far, with the free ones among them
	free   []uint32 // records that were deleted
	index  []slot   // a power of two of them
	last   uint32   // record that GetHinted was at
}

type record[K Key, V any] struct {
	k     K
	lives bool
	next  uint32 // record that GetHinted found after this one
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

// Len returns how many keys there are.
func (m *Map[K, V]) Len() int { return int(m.used) - len(m.free) }

func (m *Map[K, V]) at(i uint32) *record[K, V] { return &m.chunks[i/chunkSize][i%chunkSize] }

// find returns the slot of the key, or the empty one where it would be. There
// is an index.
func (m *Map[K, V]) find(k *K, hash uint32) uint32 {
	mask := uint32(len(m.index) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := m.index[i]
		if s.ref == 0 || s.hash == hash && m.at(s.ref-1).k == *k {
			return i
		}
	}
}

// Get returns the value of the key, nil if there is none. It is valid until the
// key is deleted.
func (m *Map[K, V]) Get(k *K) *V {
	if m.Len() == 0 {
		return nil
	}
	s := m.index[m.find(k, (*k).Hash())]
	if s.ref == 0 {
		return nil
	}
	return &m.at(s.ref - 1).v
}

// GetHinted is Get for keys that are looked for in much the same order again and
// again, as those of dumps: it looks first at the one that came next the last
// time, and seldom has to go through the index, which no cache of the CPU holds.
func (m *Map[K, V]) GetHinted(k *K) *V {
	if m.Len() == 0 {
		return nil
	}
	last := m.at(m.last)
	if r := m.at(last.next); r.lives && r.k == *k {
		m.last = last.next
		return &r.v
	}
	s := m.index[m.find(k, (*k).Hash())]
	if s.ref == 0 {
		return nil
	}
	last.next, m.last = s.ref-1, s.ref-1
	return &m.at(m.last).v
}

// Put returns the value of the key, which is zero if there was none. It is
// valid until the key is deleted.
func (m *Map[K, V]) Put(k *K) *V {
	if m.Len() >= len(m.index)/4*3 {
		m.grow()
	}
	hash := (*k).Hash()
	i := m.find(k, hash)
	if m.index[i].ref == 0 {
		n := m.take()
		*m.at(n) = record[K, V]{k: *k, lives: true}
		m.index[i] = slot{hash, n + 1}
	}
	return &m.at(m.index[i].ref - 1).v
}

// take returns the number of a record that is not in use.
func (m *Map[K, V]) take() uint32 {
	if n := len(m.free); n > 0 {
		i := m.free[n-1]
		m.free = m.free[:n-1]
		return i
	}
	if int(m.used) == len(m.chunks)*chunkSize {
		m.chunks = append(m.chunks, make([]record[K, V], chunkSize))
	}
	m.used++
	return m.used - 1
}

func (m *Map[K, V]) grow() {
	old := m.index
	m.index = make([]slot, max(minIndex, 2*len(old)))
	mask := uint32(len(m.index) - 1)
	for _, s := range old {
		if s.ref == 0 {
			continue
		}
		i := s.hash & mask
		for m.index[i].ref != 0 {
			i = (i + 1) & mask
		}
		m.index[i] = s
	}
}

// Delete deletes the key if it is there.
func (m *Map[K, V]) Delete(k *K) {
	if m.Len() == 0 {
		return
	}
	i := m.find(k, (*k).Hash())
	ref := m.index[i].ref
	if ref == 0 {
		return
	}
	m.at(ref - 1).lives = false
	m.free = append(m.free, ref-1)
	m.close(i)
}

// close empties a slot and moves those after it up, so that no search for them ends
// at the gap.
func (m *Map[K, V]) close(gap uint32) {
	mask := uint32(len(m.index) - 1)
	for i := (gap + 1) & mask; m.index[i].ref != 0; i = (i + 1) & mask {
		home := m.index[i].hash & mask
		if (i-home)&mask >= (i-gap)&mask {
			m.index[gap] = m.index[i]
			gap = i
		}
	}
	m.index[gap] = slot{}
}

// All goes through all records. The one it is at may be deleted.
func (m *Map[K, V]) All() iter.Seq2[*K, *V] {
	return func(yield func(*K, *V) bool) {
		for i := range m.used {
			if r := m.at(i); r.lives && !yield(&r.k, &r.v) {
				return
			}
		}
	}
}

// Clear deletes all keys. It keeps the memory that they took, and no more.
func (m *Map[K, V]) Clear() {
	chunks := (int(m.used) + chunkSize - 1) / chunkSize
	clear(m.chunks[chunks:])
	m.chunks = m.chunks[:chunks]
	if int(m.used) < len(m.index)/8 {
		m.index = nil
	}
	clear(m.index)
	m.used, m.free, m.last = 0, nil, 0
}

// Compact gives memory back once most records have been deleted.
func (m *Map[K, V]) Compact() {
	if m.used <= 64*chunkSize || m.Len() > int(m.used)/4 {
		return
	}
	var smaller Map[K, V]
	for k, v := range m.All() {
		*smaller.Put(k) = *v
	}
	*m = smaller
}
