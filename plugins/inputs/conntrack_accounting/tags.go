package conntrack_accounting

import (
	"strconv"

	"telegraf-conntrack-accounting/internal/accounting"
)

// tags returns the tags of a series. The caller holds p.mu.
func (p *Plugin) tags(k *accounting.SeriesKey) map[string]string {
	tags := map[string]string{
		"proto": accounting.ProtoName(k.Proto),
		"src":   k.Src.String(),
		"dst":   k.Dst.String(),
		"port":  strconv.Itoa(int(k.Port)),
	}
	p.cfg.GroupBy.AddTags(tags, k)
	src, dst := p.tracker.NetworksOf(k)
	addNetwork(tags, "src_", src)
	addNetwork(tags, "dst_", dst)
	return tags
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
