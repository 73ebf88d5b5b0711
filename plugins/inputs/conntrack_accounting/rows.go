package conntrack_accounting

import (
	"strconv"
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/notation"
	"telegraf-conntrack-accounting/internal/reportfile"
)

// row has the values of a series that the metric and the report have in common.
func (p *Plugin) row(s *accounting.Series, at time.Time) reportfile.Row {
	row := reportfile.Row{
		Time:  at.UnixNano(),
		Proto: notation.ProtoName(s.Key.Proto),
		Src:   s.Key.Src.String(), Dst: s.Key.Dst.String(),
		Port:       s.Key.Port,
		SrcPackets: int64(s.Orig.Packets), SrcBytes: int64(s.Orig.Bytes),
		DstPackets: int64(s.Reply.Packets), DstBytes: int64(s.Reply.Bytes),
		ConnectionCount: int64(s.Connections), ConnectionTimes: int64(s.ConnectionTimes),
	}
	if p.TrackOpenConnections {
		row.OpenConnections, row.HasOpen = int64(s.Open), true
	}
	return row
}

// setFields sets the fields of a series: always the same ones.
func setFields(fields map[string]interface{}, row *reportfile.Row) {
	fields["src_packets"] = row.SrcPackets
	fields["src_bytes"] = row.SrcBytes
	fields["dst_packets"] = row.DstPackets
	fields["dst_bytes"] = row.DstBytes
	fields["connection_count"] = row.ConnectionCount
	fields["connection_times"] = row.ConnectionTimes
	if row.HasOpen {
		fields["open_connections"] = row.OpenConnections
	}
}

// setTags replaces the content of tags by the tags of a series.
func (p *Plugin) setTags(tags map[string]string, k *accounting.SeriesKey, row *reportfile.Row) {
	clear(tags)
	p.addSource(tags, k, row)
	p.addDestination(tags, k, row)
	addPort(tags, row)
	p.cfg.GroupBy.AddTags(tags, k)
}

func (p *Plugin) addSource(tags map[string]string, k *accounting.SeriesKey, row *reportfile.Row) {
	tags["src"] = row.Src
	addNetwork(tags, "src_", p.tracker.SourceNetwork(k))
}

func (p *Plugin) addDestination(tags map[string]string, k *accounting.SeriesKey, row *reportfile.Row) {
	tags["dst"] = row.Dst
	addNetwork(tags, "dst_", p.tracker.DestinationNetwork(k))
}

func addPort(tags map[string]string, row *reportfile.Row) {
	tags["proto"], tags["port"] = row.Proto, strconv.Itoa(int(row.Port))
}

// addNetwork adds the name and keys of the network of one endpoint, nil for none.
func addNetwork(tags map[string]string, prefix string, n *accounting.Network) {
	if n == nil {
		return
	}
	tags[prefix+"name"] = n.Name
	for _, tag := range n.Keys {
		tags[prefix+tag.Key] = tag.Value
	}
}
