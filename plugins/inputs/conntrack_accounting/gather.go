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
// as interrupted (NLM_F_DUMP_INTR) is repeated, which is harmless: counters are
// cumulative.
func (p *Plugin) readTable() error {
	start := time.Now()
	defer func() { p.health.dumpTime = time.Since(start) }()
	timeouts := p.namespace.TCPTimeouts() // they may change at any time
	p.mu.Lock()
	p.tracker.SetTimeouts(timeouts)
	p.mu.Unlock()
	p.health.seenIPv4, p.health.seenIPv6 = false, false
	for attempt := 1; ; attempt++ {
		interrupted, err := p.dumpOnce()
		if err != nil || !interrupted || attempt == maxDumps {
			return err
		}
		p.health.dumpRestarts++
	}
}

func (p *Plugin) dumpOnce() (interrupted bool, err error) {
	p.mu.Lock()
	table := p.tableDumper()
	p.tracker.BeginDump(time.Now())
	p.mu.Unlock()
	complete, drained := false, false
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.tracker.EndDump(complete, drained)
	}()

	stats, err := table.Dump(p.observe)
	if err != nil {
		return false, err
	}
	// Flows that died but whose event waits for room in our socket are in neither the
	// table nor the socket. If the dying list is too long to be read to its end, the
	// rest counts when the events come.
	drops, dropsErr := p.destroyed.OthersDrops()
	dying, err := p.dumper.DumpDying(p.observe)
	if err != nil {
		return false, fmt.Errorf("dumping the dying list: %w", err)
	}
	p.health.add(stats, dying)
	p.health.tableDump, p.health.dyingDump = stats, dying
	interrupted = stats.Interrupted || dying.Interrupted
	complete, drained = p.fence(fenceTimeout) && !interrupted, dying.Flows == 0 && !dying.Cut
	if complete, err = p.dumpRemarked(table, complete); err != nil {
		return false, err
	}
	p.repeats.noteDump(complete && drained, drops, dropsErr)
	return interrupted, nil
}

// fence waits until the events that are queued now have been handled, so that
// this interval holds what ended before it. It reports whether they have.
func (p *Plugin) fence(timeout time.Duration) bool {
	fenced := true
	for _, listener := range []*ctnetlink.Listener{p.destroyed, p.closed} {
		if listener != nil && !listener.Fence(timeout) {
			p.Log.Debugf("events are still queued after %s and count in the next interval", timeout)
			fenced = false
		}
	}
	return fenced
}

func (p *Plugin) observe(batch []accounting.Flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range batch {
		p.tracker.Observe(&batch[i])
		if batch[i].Orig.Src.Is4() {
			p.health.seenIPv4 = true
		} else {
			p.health.seenIPv6 = true
		}
	}
}

// emit adds a metric for each series of the interval that ends now, and for their sums,
// and writes the series as a report.
func (p *Plugin) emit(acc telegraf.Accumulator, at time.Time) {
	p.take()
	// An accumulator copies what it is given, so one pair of maps serves all.
	fields, tags := make(map[string]interface{}), make(map[string]string)
	p.interval.Each(func(s *accounting.Series) {
		row := p.row(s, at)
		setFields(fields, &row)
		p.setTags(tags, &s.Key, &row)
		acc.AddFields(measurement, fields, tags, at)
		p.addSums(s)
		p.report(s, &row)
	})
	p.emitSums(acc, at, fields, tags)
	if p.reports.sums != nil {
		p.reports.sums.Take(func(s *accounting.Series) {
			row := p.row(s, at)
			p.reportRow(&s.Key, &row)
		})
	}
	p.reports.write()
}

// take ends the interval. Its series are passed on without holding p.mu: that takes as
// long as Telegraf, or a disk, is stuck, and if event readers had to wait for it, the
// kernel would keep dead entries until the table is full.
func (p *Plugin) take() {
	p.mu.Lock()
	p.health.seriesBefore = p.tracker.Stats().Emitted
	p.tracker.Take(&p.interval)
	taken := time.Now()
	p.mu.Unlock()
	p.health.handedOut = taken
	p.supersede(taken)
}
