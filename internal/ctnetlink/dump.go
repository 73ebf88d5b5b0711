package ctnetlink

import (
	"fmt"
	"sync"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// A Dumper reads the whole table, again and again, over one socket.
type Dumper struct {
	socket *socket
	filter Filter
	mu     sync.Mutex        // one dump at a time
	batch  []accounting.Flow // used again for each datagram
}

// DumpStats tells how a dump went.
type DumpStats struct {
	Flows        uint64 // flows handed over
	DecodeErrors uint64 // damaged entries, left out

	// Interrupted says that the table changed in a way that can make the dump
	// inconsistent (NLM_F_DUMP_INTR): dump again.
	Interrupted bool
}

// NewDumper opens a socket for dumps in the namespace.
func NewDumper(ns *Namespace, f Filter) (*Dumper, error) {
	s, err := dial(ns)
	if err != nil {
		return nil, err
	}
	return &Dumper{socket: s, filter: f}, nil
}

// Close ends a dump that is running and closes the socket.
func (d *Dumper) Close() error { return d.socket.Close() }

// Dump reads the table once and calls fn with the flows, one batch for each
// datagram. The batch is overwritten by the next one: keep copies of flows,
// never the slice. After an error the flows handed over are not the whole
// table.
func (d *Dumper) Dump(fn func(batch []accounting.Flow)) (DumpStats, error) {
	stats, err := d.dump(msgGet, d.filter.request(), nil, fn)
	if err != nil {
		return stats, fmt.Errorf("dumping conntrack: %w", err)
	}
	return stats, nil
}

// DumpDying is Dump for the entries that are out of the table but whose DESTROY
// event the kernel could not deliver yet.
func (d *Dumper) DumpDying(fn func(batch []accounting.Flow)) (DumpStats, error) {
	stats, err := d.dump(msgGetDying, Filter{}.request(), d.filter.Match, fn)
	if err != nil {
		return stats, fmt.Errorf("dumping dying conntrack entries: %w", err)
	}
	return stats, nil
}

func (d *Dumper) dump(kind uint16, request []byte, keep func(*accounting.Flow) bool, fn func([]accounting.Flow)) (stats DumpStats, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	sent, err := d.socket.Send(netlink.Message{
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
		datagram, err := d.socket.wait()
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
			continue // left over from a dump that failed half way
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
