package accounting

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// contents returns what the table holds, as a map.
func contents[V any](t *keyed[V]) map[key]V {
	m := make(map[key]V)
	for k, v := range t.all() {
		m[*k] = *v
	}
	return m
}

// Whatever is put and deleted, in any order, the table holds what a map holds.
func TestKeyedAgainstMap(t *testing.T) {
	for _, keys := range []int{3, 500, 5000} {
		rng := rand.New(rand.NewPCG(uint64(keys), 1))
		var table keyed[int]
		model := make(map[key]int)
		for step := range 20_000 {
			// Few IDs and ports: many keys have the same hash.
			k := key{ID: uint32(rng.IntN(7)), DstPort: uint16(rng.IntN(3)), Proto: uint8(rng.IntN(keys) % 200), Src: Addr{byte(rng.IntN(keys) / 200)}}
			switch rng.IntN(5) {
			case 0, 1:
				model[k] = step
				*table.put(&k) = step
			case 2, 3:
				delete(model, k)
				table.delete(&k)
			default:
				v, known := model[k]
				for _, got := range []*int{table.get(&k), table.follow(&k)} {
					require.Equal(t, known, got != nil)
					if known {
						require.Equal(t, v, *got)
					}
				}
			}
			require.Equal(t, len(model), table.len())
			if step%5_000 == 0 {
				require.Equal(t, model, contents(&table))
			}
		}
		for k := range table.all() {
			delete(model, *k)
			table.delete(k)
		}
		require.Empty(t, model)
		require.Zero(t, table.len())
	}
}

// Values stay where they are while the table grows, and memory is given back
// once most of what it was for is gone.
func TestKeyedMemory(t *testing.T) {
	const many = 200_000
	var table keyed[int]
	first := key{Proto: 1}
	value := table.put(&first)
	for i := range uint32(many) {
		*table.put(&key{ID: i, Proto: 2}) = int(i)
	}
	*value = 42
	require.Equal(t, 42, *table.get(&first))

	for i := range uint32(many - 10) {
		table.delete(&key{ID: i, Proto: 2})
	}
	before := contents(&table)
	require.Len(t, before, 11)
	table.compact()
	require.Equal(t, before, contents(&table))
	require.Len(t, table.chunks, 1)
	require.Len(t, table.index, minIndex)

	table.clear()
	require.Zero(t, table.len())
	require.Empty(t, contents(&table))
	require.Nil(t, table.get(&first))
}
