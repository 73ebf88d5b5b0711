package store

import (
	"math"
	"slices"
)

const (
	minuteMicros = int64(60_000_000)
	hourMicros   = 60 * minuteMicros
	dayMicros    = 24 * hourMicros
)

// sums are the summed columns of rows.
type sums struct {
	counters [6]int64 // in the order of sumColumns, which ends with the gauge
	open     int64    // the gauge, summed; means nothing unless hasOpen
	hasOpen  bool
}

// sumColumns are the columns of sums.
var sumColumns = [...]string{
	"src_packets", "src_bytes", "dst_packets", "dst_bytes", "connection_times", "connection_count", "open_connections",
}

func sumsOf(row *packedRow) sums {
	t := &row.traffic
	s := sums{counters: [6]int64{t[0], t[1], t[2], t[3], t[4], int64(row.count)}}
	if row.open != notOpen {
		s.open, s.hasOpen = int64(row.open), true
	}
	return s
}

// add adds what are no negative numbers. A sum stops at the largest number:
// whoever reaches that must not keep others from being counted.
func (s *sums) add(other *sums) {
	for i, n := range other.counters {
		s.counters[i] = addUpTo(math.MaxInt64, s.counters[i], n)
	}
	if other.hasOpen {
		s.open, s.hasOpen = addUpTo(math.MaxInt64, s.open, other.open), true
	}
}

// addUpTo adds two numbers from 0 to limit.
func addUpTo(limit, a, b int64) int64 { return min(a, limit-b) + b }

// rollup collects sums by key.
type rollup struct {
	index map[key]int32
	rows  []rollupRow
}

type rollupRow struct {
	key
	sums
}

func newRollup() *rollup { return &rollup{index: make(map[key]int32)} }

func (r *rollup) add(k key, s *sums) {
	n, found := r.index[k]
	if !found {
		r.index[k] = int32(len(r.rows))
		r.rows = append(r.rows, rollupRow{k, *s})
		return
	}
	r.rows[n].add(s)
}

// sorted returns the rows by key: neighbours stay together on disk, and no two
// imports that update the same rows lock them in different orders.
func (r *rollup) sorted() []rollupRow {
	slices.SortFunc(r.rows, func(a, b rollupRow) int { return compareKeys(&a.key, &b.key) })
	return r.rows
}

// coarser returns the rollup of a coarser step of time, with each key mapped.
func (r *rollup) coarser(change func(*key)) *rollup {
	out := newRollup()
	for i := range r.rows {
		k := r.rows[i].key
		change(&k)
		out.add(k, &r.rows[i].sums)
	}
	return out
}

func toMinute(k *key) { k.us = floor(k.us, minuteMicros) }

func toHour(k *key) { k.us = floor(k.us, hourMicros) }

func withoutSrc(k *key) { k.src = none }

// floor rounds down to a multiple of step, before the epoch too.
func floor(us, step int64) int64 {
	rest := us % step
	if rest < 0 {
		rest += step
	}
	return us - rest
}

// rollups are all rollups of a batch, by the names of their tables.
type rollups map[string]*rollup

// newRollups sums up the rows of a batch.
func newRollups(b *batch) rollups {
	src, dst, pair := newRollup(), newRollup(), newRollup()
	for i := range b.entries {
		k, s := b.entries[i].key, sumsOf(b.row(&b.entries[i]))
		src.add(key{k.us, k.src, none, k.proto, k.port}, &s)
		dst.add(key{k.us, none, k.dst, k.proto, k.port}, &s)
		pair.add(key{floor(k.us, hourMicros), k.src, k.dst, none, 0}, &s)
	}
	all := rollups{"vpn_traffic_by_src": src, "vpn_traffic_by_dst": dst, "vpn_traffic_hour_by_pair": pair}
	for _, step := range [...]struct {
		from, to string
		change   func(*key)
	}{
		{"vpn_traffic_by_src", "vpn_traffic_by_port", withoutSrc},
		{"vpn_traffic_by_src", "vpn_traffic_minute_by_src", toMinute},
		{"vpn_traffic_by_dst", "vpn_traffic_minute_by_dst", toMinute},
		{"vpn_traffic_by_port", "vpn_traffic_minute_by_port", toMinute},
		{"vpn_traffic_minute_by_src", "vpn_traffic_hour_by_src", toHour},
		{"vpn_traffic_minute_by_dst", "vpn_traffic_hour_by_dst", toHour},
		{"vpn_traffic_minute_by_port", "vpn_traffic_hour_by_port", toHour},
	} {
		all[step.to] = all[step.from].coarser(step.change)
	}
	return all
}
