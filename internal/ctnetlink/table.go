package ctnetlink

import (
	"errors"
	"fmt"

	"github.com/ti-mo/conntrack"
)

// Table describes the table of a namespace as a whole. All but Entries and Max
// are sums over the CPUs since the namespace exists; each CPU's counter has 32
// bits and wraps.
type Table struct {
	Entries, Max  uint64 // entries now, and allowed (nf_conntrack_max)
	InsertFailed  uint64 // entries that lost a race against one with the same tuple
	Drop          uint64 // packets dropped because the table was full
	EarlyDrop     uint64 // entries evicted to make room
	SearchRestart uint64 // lookups restarted because the table was resized
	Invalid       uint64 // packets that cannot belong to a flow
	Error         uint64 // malformed packets
}

// TableStats reads how full the table is and what it refused.
//
// The first two are sysctls. IPCTNL_MSG_CT_GET_STATS has them too, but the
// kernel marks its only answer as the first of many and sends no NLMSG_DONE, so
// a reader that follows the protocol waits forever.
func TableStats(ns *Namespace) (Table, error) {
	entries, err := ns.Sysctl(Count)
	if err != nil {
		return Table{}, err
	}
	limit, err := ns.Sysctl(Max)
	if err != nil {
		return Table{}, err
	}
	table := Table{Entries: uint64(entries), Max: uint64(limit)}
	if err := ns.Do(table.addCPUs); err != nil {
		return Table{}, fmt.Errorf("reading conntrack statistics: %w", explain(err))
	}
	return table, nil
}

// addCPUs adds the counters of all CPUs.
func (t *Table) addCPUs() error {
	conn, err := conntrack.Dial(nil)
	if err != nil {
		return err
	}
	cpus, err := conn.Stats()
	for _, cpu := range cpus {
		t.InsertFailed += uint64(cpu.InsertFailed)
		t.Drop += uint64(cpu.Drop)
		t.EarlyDrop += uint64(cpu.EarlyDrop)
		t.SearchRestart += uint64(cpu.SearchRestart)
		t.Invalid += uint64(cpu.Invalid)
		t.Error += uint64(cpu.Error)
	}
	return errors.Join(err, conn.Close())
}
