package store

import (
	"cmp"
	"slices"
)

// naming is what the rows of a batch call an address.
type naming struct {
	kind string // src or dst
	id   uint32 // the address
	runs []run  // in the order of time
}

// run is a name that was used from a time to another, as far as a batch tells.
type run struct {
	name        string
	first, last int64 // in microseconds
}

func (n *naming) first() int64 { return n.runs[0].first }

func (n *naming) last() int64 { return n.runs[len(n.runs)-1].last }

// add adds what a row says, which is not older than what was added before. Of
// the rows of one time, the first stays.
func (n *naming) add(us int64, name string) {
	if i := len(n.runs) - 1; i >= 0 {
		last := &n.runs[i]
		if last.name == name {
			last.last = us
		}
		if last.last == us {
			return
		}
	}
	n.runs = append(n.runs, run{name, us, us})
}

// tell says to a log what the rows say. It takes both ends of each run, since
// the log may have heard of another name in between.
func (n *naming) tell(log nameLog) nameLog {
	log = slices.Clone(log)
	for _, r := range n.runs {
		log = log.say(r.first, r.name).say(r.last, r.name)
	}
	return log
}

// namings returns what the rows of a batch call their ends, in the order of kind
// and address. An end without a name says nothing.
func (b *batch) namings() []naming {
	type end struct {
		kind string
		id   uint32
	}
	var list []naming
	index := make(map[end]int)
	note := func(kind string, id uint32, us int64, name uint32) {
		if name == 0 {
			return
		}
		i, known := index[end{kind, id}]
		if !known {
			i = len(list)
			index[end{kind, id}] = i
			list = append(list, naming{kind: kind, id: id})
		}
		list[i].add(us, b.rows.texts.list[name])
	}
	for i := range b.entries {
		e := &b.entries[i]
		row := b.row(e)
		note("src", e.src, e.us, row.srcName)
		note("dst", e.dst, e.us, row.dstName)
	}
	slices.SortFunc(list, func(x, y naming) int { return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.id, y.id)) })
	return list
}
