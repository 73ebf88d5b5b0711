package slabmap

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// few is a key of which many have the same hash.
type few uint16

func (k few) Hash() uint32 { return uint32(k % 7) }

// contents returns what a Map holds as a map.
func contents[K Key, V any](m *Map[K, V]) map[K]V {
	held := make(map[K]V)
	for k, v := range m.All() {
		held[*k] = *v
	}
	return held
}

func FuzzMap(f *testing.F) {
	f.Add([]byte{5, 0, 1, 5, 0, 8, 4, 0, 1, 9, 0, 8, 1, 0, 0, 2, 0, 1, 4, 0, 8, 0, 0, 0, 5, 0, 2, 4, 0, 2})
	f.Fuzz(func(t *testing.T, steps []byte) { compare(t, steps, 1<<16) })
}

func TestMapAgainstMap(t *testing.T) {
	for _, keys := range []int{3, 500, 5000} {
		steps := make([]byte, 60_000)
		_, err := rand.NewChaCha8([32]byte{byte(keys)}).Read(steps)
		require.NoError(t, err)
		compare(t, steps, keys)
	}
}

// compare does to a Map and to a map what the bytes say, three for each step: what to
// do, and with which of so many keys.
func compare(t *testing.T, steps []byte, keys int) {
	var m Map[few, int]
	reference := make(map[few]int)
	for ; len(steps) >= 3; steps = steps[3:] {
		k := few((int(steps[1])<<8 | int(steps[2])) % keys)
		apply(t, &m, reference, steps[0], k, len(steps))
		require.Equal(t, len(reference), m.Len())
	}
	require.Equal(t, reference, contents(&m))
	for k := range m.All() { // which may be deleted meanwhile
		m.Delete(k)
	}
	require.Zero(t, m.Len())
}

func apply(t *testing.T, m *Map[few, int], reference map[few]int, what byte, k few, value int) {
	switch {
	case what == 0: // seldom
		clear(reference)
		m.Clear()
	case what == 1:
		for k := range maps.Keys(reference) { // in an order of its own
			require.Equal(t, reference[k], *m.GetHinted(&k))
		}
		m.Compact()
	case what%5 < 2:
		reference[k] = value
		*m.Put(&k) = value
	case what%5 < 4:
		delete(reference, k)
		m.Delete(&k)
	default:
		v, known := reference[k]
		for _, got := range []*int{m.Get(&k), m.GetHinted(&k)} {
			require.Equal(t, known, got != nil)
			if known {
				require.Equal(t, v, *got)
			}
		}
	}
}

// numbered is a key of which all have hashes of their own.
type numbered uint32

func (k numbered) Hash() uint32 { return uint32(k) * 0x9e3779b1 }

// Values stay where they are while a Map grows, and memory is given back once most of
// what it was for is gone.
func TestMemory(t *testing.T) {
	const many = 200_000
	var m Map[numbered, int]
	first := numbered(many)
	value := m.Put(&first)
	for i := range numbered(many) {
		*m.Put(&i) = int(i)
	}
	*value = 42
	require.Equal(t, 42, *m.Get(&first))

	for i := range numbered(many - 10) {
		m.Delete(&i)
	}
	before := contents(&m)
	require.Len(t, before, 11)
	m.Compact()
	require.Equal(t, before, contents(&m))
	require.Len(t, m.chunks, 1)
	require.Len(t, m.index, minIndex)

	m.Clear()
	require.Zero(t, m.Len())
	require.Empty(t, contents(&m))
	require.Nil(t, m.Get(&first))
}
