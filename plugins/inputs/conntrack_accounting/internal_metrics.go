package conntrack_accounting

import (
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// internalMeasurement is the metric about the plugin itself.
const internalMeasurement = "conntrack_accounting_internal"

// addInternal adds the metric about the plugin itself. Counters run from its start;
// gauges are of this gather.
func (p *Plugin) addInternal(acc telegraf.Accumulator, at time.Time) {
	if !p.InternalMetrics {
		return
	}
	stats := p.stats()
	fields := map[string]interface{}{
		"uptime_s":             int64(time.Since(p.health.started).Seconds()),
		"gather_errors":        int64(p.health.gatherErrors),
		"dump_time_ns":         p.health.dumpTime.Nanoseconds(),
		"delivery_time_ns":     p.health.deliveryTime.Nanoseconds(),
		"dump_restarts":        int64(p.health.dumpRestarts),
		"uncounted_flowtables": int64(p.health.uncountedFlowtables),
	}
	addFlowStats(fields, &stats, p.health.seriesBefore)
	p.addListenerStats(fields)
	p.addTableStats(fields)
	p.addStateStats(fields)
	acc.AddFields(internalMeasurement, fields, nil, at)
}

func addFlowStats(fields map[string]interface{}, s *accounting.Stats, seriesBefore uint64) {
	fields["flows"] = int64(s.Flows)
	fields["missing_flows"] = int64(s.Missing)
	fields["tombstones"] = int64(s.Tombstones)
	fields["offloaded_flows"] = int64(s.Offloaded)
	fields["picked_up_flows"] = int64(s.PickedUp)
	fields["picked_up_refused"] = int64(s.PickedUpRefused)
	fields["series"] = int64(s.Emitted - seriesBefore)
	fields["folded_readings"] = int64(s.Folded.Ports)
	fields["folded_sources"] = int64(s.Folded.Sources)
	fields["folded_destinations"] = int64(s.Folded.Destinations)
	fields["folded_protocols"] = int64(s.Folded.Protocols)
	fields["unanswered_flows"] = int64(s.Unanswered)
	fields["ignored_flows"] = int64(s.IgnoredFlows)
	fields["ignored_packets"] = int64(s.IgnoredPackets)
	fields["ignored_bytes"] = int64(s.IgnoredBytes)
	fields["uncounted_readings"] = int64(s.Uncounted)
	fields["short_flows"] = int64(s.ShortFlows)
	fields["swept_flows"] = int64(s.Swept)
	fields["died_unseen_flows"] = int64(s.DiedUnseen)
	fields["unknown_flows"] = int64(s.OlderFlows)
	fields["unknown_bytes"] = int64(s.OlderBytes)
	fields["zeroed_flows"] = int64(s.Zeroed)
	fields["restarted_flows"] = int64(s.Restarted)
	fields["repeated_events"] = int64(s.Repeated)
}

func (p *Plugin) addListenerStats(fields map[string]interface{}) {
	destroyed, closed := p.destroyed.Stats(), ctnetlink.ListenerStats{}
	if p.closed != nil {
		closed = p.closed.Stats()
	}
	fields["destroy_events"] = int64(destroyed.Events)
	fields["destroy_overruns"] = int64(destroyed.Overruns)
	fields["reopened_sockets"] = int64(destroyed.Reopened + closed.Reopened)
	fields["close_events"] = int64(closed.Events)
	fields["close_overruns"] = int64(closed.Overruns)
	fields["decode_errors"] = int64(p.health.decodeErrors + destroyed.DecodeErrors + closed.DecodeErrors)
}

// addTableStats adds the kernel's statistics, unless they could not be read.
func (p *Plugin) addTableStats(fields map[string]interface{}) {
	table := p.health.table
	if table == nil {
		return
	}
	fields["table_entries"] = int64(table.Entries)
	fields["dying_flows"] = int64(p.dyingFlows(table.Entries))
	fields["table_max"] = int64(table.Max)
	fields["table_insert_failed"] = int64(table.InsertFailed)
	fields["table_drop"] = int64(table.Drop)
	fields["table_early_drop"] = int64(table.EarlyDrop)
	fields["table_search_restart"] = int64(table.SearchRestart)
	fields["table_invalid"] = int64(table.Invalid)
	fields["table_error"] = int64(table.Error)
}

// dyingFlows returns how many dead entries wait for their event to be delivered. Where
// their list is too long to be read to its end, they are what the kernel counts beyond
// the table.
func (p *Plugin) dyingFlows(entries uint64) uint64 {
	shown := p.health.dyingDump.Entries
	if inTable := p.health.tableDump.Entries; p.health.dyingDump.Cut && !p.dumped.Selects() && entries > inTable {
		return max(shown, entries-inTable)
	}
	return shown
}

func (p *Plugin) addStateStats(fields map[string]interface{}) {
	if !p.keepsState() {
		return
	}
	fields["state_write_ns"] = p.state.took.Nanoseconds()
	fields["state_bytes"] = p.state.size
	fields["state_errors"] = int64(p.state.errors)
}
