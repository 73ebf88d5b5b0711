package store

import (
	"math"
	"slices"
	"strings"

	"telegraf-conntrack-accounting/internal/schema"
)

const (
	minuteMicros = int64(60_000_000)
	hourMicros   = 60 * minuteMicros
	dayMicros    = 24 * hourMicros
)

// sumColumns are the columns of sums, in the order of all statements and results here.
var sumColumns = strings.Join(schema.SumColumns[:], ", ")

// sums are the summed columns of rows.
type sums struct {
	counters [6]int64 // in the order of schema.SumColumns, which ends with the gauge
	open     int64    // the gauge, summed; means nothing unless hasOpen
	hasOpen  bool
}

func sumsOf(row *packedRow) sums {
	t := &row.traffic
	s := sums{counters: [6]int64{t[0], t[1], t[2], t[3], t[4], int64(row.count)}}
	if row.open != notOpen {
		s.open, s.hasOpen = int64(row.open), true
	}
	return s
}

// add adds numbers that are not negative. A sum stops at the largest number: a host
// that reaches it must not keep others from being counted.
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

// coarser returns a rollup of these sums that tells fewer keys apart.
func (r *rollup) coarser(to keyMap) *rollup {
	out := newRollup()
	for i := range r.rows {
		out.add(to.key(r.rows[i].key), &r.rows[i].sums)
	}
	return out
}

// keyMap says which of a key's columns a rollup tells apart.
type keyMap struct {
	step                  int64 // of time
	src, dst, proto, port bool
}

func keyMapOf(t *schema.Rollup) keyMap {
	has := func(column string) bool { return slices.Contains(t.Columns, column) }
	return keyMap{t.Level.Step, has("src"), has("dst"), has("proto"), has("port")}
}

func (m *keyMap) key(k key) key {
	k.us = floor(k.us, m.step)
	if !m.src {
		k.src = noText
	}
	if !m.dst {
		k.dst = noText
	}
	if !m.proto {
		k.proto = noText
	}
	if !m.port {
		k.port = 0
	}
	return k
}

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
	all := make(rollups)
	for _, t := range schema.Rollups {
		if finer, found := all[t.Finer]; found {
			all[t.Name] = finer.coarser(keyMapOf(&t))
		} else {
			all[t.Name] = b.sumUp(keyMapOf(&t))
		}
	}
	return all
}

// sumUp adds up the rows themselves.
func (b *batch) sumUp(to keyMap) *rollup {
	out := newRollup()
	for i := range b.entries {
		s := sumsOf(b.row(&b.entries[i]))
		out.add(to.key(b.entries[i].key), &s)
	}
	return out
}
