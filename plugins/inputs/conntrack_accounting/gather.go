package conntrack_accounting

import (
	"fmt"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

const (
	measurement = "conntrack_accounting"

	// maxDumps bounds how often an interrupted dump is repeated in a gather.
	maxDumps = 5

	// fenceTimeout bounds how long a gather waits for queued events. What is
	// still queued then is accounted in the next interval.
	fenceTimeout = 2 * time.Second
)

// readTable accounts a full dump of the table. A dump that the kernel marks
// as interrupted (NLM_F_DUMP_INTR) is repeated; since readings are cumulative
// the first one did no harm.
func (p *Plugin) readTable() error {
	for attempt := 1; ; attempt++ {
		interrupted, err := p.dumpOnce()
		if err != nil || !interrupted || attempt == maxDumps {
			return err
		}
	}
}

func (p *Plugin) dumpOnce() (interrupted bool, err error) {
	p.mu.Lock()
	p.tracker.BeginDump(time.Now())
	p.mu.Unlock()
	complete, settled := false, false
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.tracker.EndDump(complete, settled, time.Now())
	}()

	stats, err := p.dumper.Dump(p.observe)
	if err != nil {
		return false, err
	}
	// Flows that died but whose event waits for room in our socket are in
	// neither the table nor the queue.
	dying, err := p.dumper.DumpDying(p.observe)
	if err != nil {
		return false, fmt.Errorf("dumping the dying list: %w", err)
	}
	p.health.add(stats, dying)
	p.fence()
	complete, settled = !stats.Interrupted && !dying.Interrupted, dying.Flows == 0
	return !complete, nil
}

// fence waits until the events that were queued when the dump ended have been
// handled, so that this interval holds what ended before it.
func (p *Plugin) fence() {
	for _, listener := range []*ctnetlink.Listener{p.destroyed, p.closed} {
		if listener != nil && !listener.Fence(fenceTimeout) {
			p.Log.Debugf("events still queued after %s: they count in the next interval", fenceTimeout)
		}
	}
}

func (p *Plugin) observe(batch []accounting.Flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range batch {
		p.tracker.Observe(&batch[i])
	}
}

// emit adds a metric for each series of the interval that ends now.
func (p *Plugin) emit(acc telegraf.Accumulator, now time.Time) {
	at := p.stamps.next(now)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tracker.Take(func(s *accounting.Series) {
		acc.AddFields(measurement, p.fields(s), p.tags(&s.Key), at)
	})
}

func (p *Plugin) fields(s *accounting.Series) map[string]interface{} {
	fields := map[string]interface{}{
		"src_packets":      int64(s.Orig.Packets),
		"src_bytes":        int64(s.Orig.Bytes),
		"dst_packets":      int64(s.Reply.Packets),
		"dst_bytes":        int64(s.Reply.Bytes),
		"connection_count": int64(s.Connections),
		"connection_times": int64(s.ConnectionTimes),
	}
	if p.TrackOpenConnections {
		fields["open_connections"] = int64(s.Open)
	}
	return fields
}
