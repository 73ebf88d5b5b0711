//go:build soak

package soak

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// table is what a soak prints: a line for each round.
type table struct {
	lines    []string
	overruns int
}

func (t *table) add(name string, r reading, overruns int, note string) {
	nft, flows, plugin := r.nft.total(), r.flows.total(), r.plugin.total()
	if note != "" {
		note = "not compared with nftables: " + note
	}
	t.lines = append(t.lines, fmt.Sprintf("%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t %s", name, r.ended, r.events, overruns-t.overruns,
		plugin.packets(), nft.bytes(), flows.bytes(), plugin.bytes(),
		int64(plugin.bytes()-flows.bytes()), flows.closed, plugin.closed, int64(plugin.closed-flows.closed), note))
	t.overruns = overruns
}

func (t *table) String() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "load\tflows ended\tevents\toverruns\tpackets\tbytes: nftables\tbytes: flows\tbytes: plugin\tdifference\tconnections: flows\tconnections: plugin\tdifference\t"
	for _, line := range append([]string{head}, t.lines...) {
		_, _ = w.Write([]byte(line + "\n"))
	}
	_ = w.Flush()
	return out.String()
}
