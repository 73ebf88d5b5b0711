package conntrack_accounting

import (
	"fmt"
	"strings"

	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// lookAtFlowtables finds flowtables that keep traffic from being counted.
func (p *Plugin) lookAtFlowtables() finding {
	tables, err := ctnetlink.Flowtables(p.namespace)
	if err != nil {
		return p.untold("%v", err)
	}
	return p.findUncounted(tables, p.stats().Offloaded)
}

// findUncounted names the flowtables that do not count. Packets of a flow that is
// offloaded pass by conntrack; only with the counter flag the flowtable counts
// them for it.
func (p *Plugin) findUncounted(tables []ctnetlink.Flowtable, offloaded int) finding {
	names := uncounted(tables)
	p.health.uncountedFlowtables = len(names)
	if len(names) == 0 {
		return well("packets of offloaded flows are counted now: no flowtable lacks the counter flag")
	}
	list := strings.Join(names, ", ")
	return warning(list, "flowtables without the counter flag: %s: packets of flows that they offload (%d flows now) are not counted; add \"counter\" to their definition", list, offloaded)
}

// uncounted names the flowtables without the counter flag, as nft does.
func uncounted(tables []ctnetlink.Flowtable) (names []string) {
	for _, t := range tables {
		if !t.Counter {
			names = append(names, fmt.Sprintf("%s %s %s", t.Family, t.Table, t.Name))
		}
	}
	return names
}
