package accounting

// What a flood takes is given back after it. Slices keep room for some times what
// they were needed for last; maps, which never shrink, are made anew once they
// hold little of what they held.

const (
	fewTimes = 4       // as much room as is needed may stay
	fewItems = 1 << 14 // so may room for that many
)

// reuse empties a slice, and lets its memory go if the slice used little of it.
func reuse[T any](s []T) []T {
	if cap(s) > max(fewItems, fewTimes*len(s)) {
		return nil
	}
	return s[:0]
}

// most is how much a map has held since it was made.
type most int

func (m *most) note(n int) { *m = max(*m, most(n)) }

// shrunk returns the map, made anew if it holds little of what it held.
func shrunk[K comparable, V any](m map[K]V, held *most) map[K]V {
	held.note(len(m))
	if int(*held) <= max(fewItems, fewTimes*len(m)) {
		return m
	}
	*held = most(len(m))
	anew := make(map[K]V, len(m))
	for k, v := range m {
		anew[k] = v
	}
	return anew
}
