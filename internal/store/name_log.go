package store

import "slices"

// nameLog is what a host called an address, in the order of time. No two
// neighbours say the same.
type nameLog []nameEntry

// nameEntry is in force from its time on, until that of the next.
type nameEntry struct {
	us   int64
	name string
}

// after returns which entry is the first after a time; the one before it is in
// force then.
func (l nameLog) after(us int64) int {
	n, _ := slices.BinarySearchFunc(l, us, func(e nameEntry, us int64) int {
		if e.us <= us {
			return -1
		}
		return 1
	})
	return n
}

// add adds that a report of a time used a name. Late reports only say when a
// name began that was known from later ones, or add one in between. Of two
// reports of one time, the first stays.
func (l nameLog) add(us int64, name string) nameLog {
	next := l.after(us)
	switch {
	case next > 0 && (l[next-1].name == name || l[next-1].us == us):
		return l
	case next < len(l) && l[next].name == name:
		l[next].us = us
		return l
	}
	return slices.Insert(l, next, nameEntry{us, name})
}

// minus returns the entries that another log has not.
func (l nameLog) minus(other nameLog) (list []nameEntry) {
	for _, e := range l {
		if !slices.Contains(other, e) {
			list = append(list, e)
		}
	}
	return list
}
