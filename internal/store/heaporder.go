package store

// heapOrder returns in which order the entries are sent to vpn_traffic: by hour,
// then by source and destination, then by time. Rows of a pair come one after
// the other, so that their entries in the B-tree over (src, dst) fall on one page
// of it, and a query for a pair finds its rows on few pages of the table;
// the hours keep the BRIN index over time narrow.
func (b *batch) heapOrder() []int32 {
	order := make([]int32, len(b.entries))
	for n := range order {
		order[n] = int32(n)
	}
	if len(order) == 0 {
		return order
	}
	// The entries are in the order of time: three stable sorts make ours.
	hour := b.hours()
	order = countingSort(order, len(b.texts), func(n int32) int { return int(b.entries[n].dst) })
	order = countingSort(order, len(b.texts), func(n int32) int { return int(b.entries[n].src) })
	return countingSort(order, int(hour[len(hour)-1])+1, func(n int32) int { return int(hour[n]) })
}

// hours numbers the hours that entries have, from 0 on, and returns that of each.
func (b *batch) hours() []int32 {
	hours := make([]int32, len(b.entries))
	for n := 1; n < len(hours); n++ {
		hours[n] = hours[n-1]
		if floor(b.entries[n].us, hourMicros) != floor(b.entries[n-1].us, hourMicros) {
			hours[n]++
		}
	}
	return hours
}

// countingSort sorts a list stably by keys, which are below count.
func countingSort(list []int32, count int, key func(int32) int) []int32 {
	next := make([]int32, count+1) // where the next one of each key goes
	for _, n := range list {
		next[key(n)+1]++
	}
	for k := range count {
		next[k+1] += next[k]
	}
	sorted := make([]int32, len(list))
	for _, n := range list {
		k := key(n)
		sorted[next[k]] = n
		next[k]++
	}
	return sorted
}
