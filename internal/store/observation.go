package store

import (
	"cmp"
	"slices"
	"strings"
)

// observation is the names that the rows of a batch have for an endpoint.
type observation struct {
	endpoint
	runs []run // in the order of time
}

// run is a name that was used from a time to another, as far as a batch tells.
type run struct {
	name        string
	first, last int64 // in microseconds
}

func (o *observation) first() int64 { return o.runs[0].first }

func (o *observation) last() int64 { return o.runs[len(o.runs)-1].last }

// add adds what a row says, which is not older than what was added before. Of
// the rows of one time, the first stays.
func (o *observation) add(us int64, name string) {
	if i := len(o.runs) - 1; i >= 0 {
		last := &o.runs[i]
		if last.name == name {
			last.last = us
		}
		if last.last == us {
			return
		}
	}
	o.runs = append(o.runs, run{name, us, us})
}

// addTo returns a log with what the rows say. It adds both ends of each run, since the
// log may have another name in between.
func (o *observation) addTo(log nameLog) nameLog {
	log = slices.Clone(log)
	for _, r := range o.runs {
		log = log.add(r.first, r.name).add(r.last, r.name)
	}
	return log
}

// observations returns the names that the rows of a batch have for their endpoints, in
// the order of kind and address. An endpoint without a name says nothing.
func (b *batch) observations() []observation {
	type end struct {
		kind string
		id   uint32 // of the address
	}
	var list []observation
	index := make(map[end]int)
	note := func(kind string, id uint32, us int64, name uint32) {
		if name == 0 {
			return
		}
		i, known := index[end{kind, id}]
		if !known {
			i = len(list)
			index[end{kind, id}] = i
			list = append(list, observation{endpoint: endpoint{b.host, kind, b.texts[id]}})
		}
		list[i].add(us, b.rows.texts.list[name])
	}
	for i := range b.entries {
		e := &b.entries[i]
		row := b.row(e)
		note("src", e.src, e.us, row.srcName)
		note("dst", e.dst, e.us, row.dstName)
	}
	slices.SortFunc(list, func(x, y observation) int {
		return cmp.Or(strings.Compare(x.kind, y.kind), strings.Compare(x.address, y.address))
	})
	return list
}
