package conntrack_accounting

import (
	"strconv"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/reportfile"
)

// setTags makes tags those of a series.
func (p *Plugin) setTags(tags map[string]string, k *accounting.SeriesKey, row *reportfile.Row) {
	clear(tags)
	tags["proto"], tags["src"], tags["dst"] = row.Proto, row.Src, row.Dst
	tags["port"] = strconv.Itoa(int(k.Port))
	p.cfg.GroupBy.AddTags(tags, k)
	src, dst := p.tracker.NetworksOf(k)
	addNetwork(tags, "src_", src)
	addNetwork(tags, "dst_", dst)
}

// addNetwork adds what is known of the network at one end, if it lies in any.
func addNetwork(tags map[string]string, end string, n *accounting.Network) {
	if n == nil {
		return
	}
	tags[end+"name"] = n.Name
	for _, tag := range n.Keys {
		tags[end+tag.Key] = tag.Value
	}
}
