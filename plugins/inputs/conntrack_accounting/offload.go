package conntrack_accounting

import (
	"fmt"
	"strings"

	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// explainOffload says which flowtables keep traffic from being counted.
func (p *Plugin) explainOffload(offloaded int) {
	tables, err := ctnetlink.Flowtables(p.namespace)
	if err != nil {
		p.Log.Debugf("looking for flowtables: %v", err)
		return
	}
	p.explainFlowtables(tables, offloaded)
}

// explainFlowtables says each change once. Packets of a flow that is offloaded
// pass by conntrack; only with the counter flag the flowtable counts them for
// it.
func (p *Plugin) explainFlowtables(tables []ctnetlink.Flowtable, offloaded int) {
	names := uncounted(tables)
	p.health.uncountedFlowtables = len(names)
	list := strings.Join(names, ", ")
	if list == p.health.flowtables {
		return
	}
	p.health.flowtables = list
	if list == "" {
		p.Log.Infof("packets of offloaded flows are counted now: no flowtable lacks the counter flag")
		return
	}
	p.Log.Warnf("flowtables without the counter flag: %s: packets of flows that they offload (%d flows now) are not counted; add \"counter\" to their definition", list, offloaded)
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
