package conntrack_accounting

import "runtime/debug"

const (
	muchHeld = 1 << 16 // flows, tombstones and series, from which giving back pays
	calmFor  = 4       // gathers until the tables that held them have shrunk
)

func (p *Plugin) giveBack() {
	stats := p.stats()
	p.health.memory.giveBack(stats.Flows + stats.Tombstones + int(stats.Emitted-p.health.seriesBefore))
}

// memory is how much was held: flows, tombstones, and series of a gather.
type memory struct {
	most int // since memory was given back
	calm int // gathers in a row that held little of it
}

// giveBack returns memory to the system some gathers after a flood. The garbage
// collector alone could keep it unused indefinitely: it waits for the heap to grow
// again.
func (m *memory) giveBack(held int) {
	m.most = max(m.most, held)
	if m.most < muchHeld || held > m.most/4 {
		m.calm = 0
		return
	}
	if m.calm++; m.calm == calmFor {
		*m = memory{most: held}
		debug.FreeOSMemory()
	}
}
