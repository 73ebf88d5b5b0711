package accounting

import "maps"

// Memory that a flood took is released after it. Slices keep room for some times what
// they last held. Maps never shrink, so a map is replaced once it holds little of what
// it held.

const (
	fewTimes = 4       // a slice or map keeps room for this many times its items
	fewItems = 1 << 14 // or for this many items
)

// reuse empties a slice, and lets its memory go if the slice used little of it.
func reuse[T any](s []T) []T {
	if cap(s) > max(fewItems, fewTimes*len(s)) {
		return nil
	}
	return s[:0]
}

// most is the most items that a map has held.
type most int

func (m *most) note(n int) { *m = max(*m, most(n)) }

// shrunk returns the map, or a copy if it holds little of what it held.
func shrunk[K comparable, V any](m map[K]V, held *most) map[K]V {
	held.note(len(m))
	if int(*held) <= max(fewItems, fewTimes*len(m)) {
		return m
	}
	*held = most(len(m))
	anew := make(map[K]V, len(m))
	maps.Copy(anew, m)
	return anew
}
