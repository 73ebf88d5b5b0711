package ctnetlink

import (
	"errors"
	"fmt"
	"math"
	"net"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// maxDying is about how many entries of the dying list a dump reads. For each
// datagram the kernel walks the list from its beginning, under the lock that the
// delivery of events needs, so the cost grows with the square: these take some
// milliseconds, 200,000 took twelve seconds.
const maxDying = 8192

// A Dumper reads the whole table repeatedly over one socket, and the dying list over
// another, which it replaces after a dump that it did not read to the end.
type Dumper struct {
	ns     *Namespace
	filter Filter

	mu           sync.Mutex        // one dump at a time
	batch        []accounting.Flow // used again for each datagram
	table, dying *socket           // dying is nil until it is needed
	closed       bool
}

// DumpStats are the statistics of a dump.
type DumpStats struct {
	Entries      uint64 // entries that the kernel showed
	Flows        uint64 // flows handed over: those of them that the filter selects
	DecodeErrors uint64 // damaged entries, left out

	// Interrupted is set when the table changed in a way that can make the dump
	// inconsistent (NLM_F_DUMP_INTR): dump again.
	Interrupted bool

	// Cut is set when the dying list has more entries than a dump reads.
	Cut bool
}

// NewDumper opens a socket for dumps in the namespace.
func NewDumper(ns *Namespace, f Filter) (*Dumper, error) {
	s, err := dial(ns)
	if err != nil {
		return nil, err
	}
	return &Dumper{ns: ns, table: s, filter: f}, nil
}

// Close closes the sockets, which ends a running dump of the table.
func (d *Dumper) Close() error {
	err := d.table.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return errors.Join(err, d.leaveDying())
}

// Dump reads the table once and calls fn with the flows, one batch for each datagram.
// The next batch overwrites it: keep copies of flows, never the slice. After an error,
// fn has not seen the whole table.
func (d *Dumper) Dump(fn func(batch []accounting.Flow)) (DumpStats, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	stats, err := d.dump(d.table, msgGet, d.filter.request(), nil, math.MaxUint64, fn)
	if err != nil {
		return stats, fmt.Errorf("dumping conntrack: %w", err)
	}
	return stats, nil
}

// DumpDying is Dump for the entries that have left the table, but whose DESTROY event
// the kernel could not deliver yet. It reads the first thousands of them, see
// DumpStats.Cut. An event for each of the others comes later.
func (d *Dumper) DumpDying(fn func(batch []accounting.Flow)) (DumpStats, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	stats, err := d.dumpDying(fn)
	if err != nil {
		return stats, fmt.Errorf("dumping dying conntrack entries: %w", err)
	}
	return stats, nil
}

func (d *Dumper) dumpDying(fn func(batch []accounting.Flow)) (stats DumpStats, err error) {
	if d.closed {
		return stats, net.ErrClosed
	}
	if d.dying == nil {
		if d.dying, err = dial(d.ns); err != nil {
			return stats, err
		}
	}
	stats, err = d.dump(d.dying, msgGetDying, Filter{}.request(), d.filter.Match, maxDying, fn)
	if stats.Cut {
		err = errors.Join(err, d.leaveDying()) // only this ends a dump midway
	}
	return stats, err
}

// leaveDying closes the socket of the dying list.
func (d *Dumper) leaveDying() (err error) {
	if d.dying != nil {
		err, d.dying = d.dying.Close(), nil
	}
	return err
}

// dump reads up to a limit of entries, or some more.
func (d *Dumper) dump(s *socket, kind uint16, request []byte, keep func(*accounting.Flow) bool, limit uint64, fn func([]accounting.Flow)) (stats DumpStats, err error) {
	sent, err := s.Send(netlink.Message{
		Header: netlink.Header{
			Type:  netlink.HeaderType(unix.NFNL_SUBSYS_CTNETLINK<<8 | kind),
			Flags: netlink.Request | netlink.Dump,
		},
		Data: request,
	})
	if err != nil {
		return stats, explain(err)
	}
	for done := false; !done; {
		datagram, err := s.wait()
		if err != nil {
			return stats, explain(err)
		}
		done, err = d.decode(datagram, sent.Header.Sequence, keep, &stats)
		if len(d.batch) > 0 {
			stats.Flows += uint64(len(d.batch))
			fn(d.batch)
		}
		if err != nil {
			return stats, explain(err)
		}
		if !done && stats.Entries >= limit {
			stats.Cut = true
			return stats, nil
		}
	}
	return stats, nil
}

// decode fills the batch with the flows of a datagram. It reports whether the
// dump has ended.
func (d *Dumper) decode(datagram []byte, sequence uint32, keep func(*accounting.Flow) bool, stats *DumpStats) (done bool, err error) {
	d.batch = d.batch[:0]
	for len(datagram) > 0 {
		h, payload, rest, err := nextMessage(datagram)
		if err != nil {
			return true, err
		}
		datagram = rest
		if h.sequence != sequence {
			continue // left over from a dump that failed midway
		}
		if h.flags&unix.NLM_F_DUMP_INTR != 0 {
			stats.Interrupted = true
		}
		if h.kind == unix.NLMSG_DONE || h.kind == unix.NLMSG_ERROR {
			return true, kernelError(payload)
		}
		if kind, ok := h.conntrack(); !ok || kind != msgNew {
			continue
		}
		stats.Entries++
		d.batch = append(d.batch, accounting.Flow{})
		flow := &d.batch[len(d.batch)-1]
		if err := decode(payload, flow); err != nil {
			stats.DecodeErrors++
			d.batch = d.batch[:len(d.batch)-1]
		} else if keep != nil && !keep(flow) {
			d.batch = d.batch[:len(d.batch)-1]
		}
	}
	return false, nil
}
