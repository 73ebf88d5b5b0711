package conntrack_accounting

import (
	"fmt"
	"time"
)

// followNamespace moves to the namespace that has the name now, if it is another one. A
// gather has just taken what is left in the old one. Flows of the new one that began
// after the previous look at the name are accounted from their beginning. Older ones
// are not, even with existing_flows = "account": the name may have come back to a
// namespace that was accounted before.
func (p *Plugin) followNamespace(looked time.Time) error {
	before := p.looked
	p.looked = looked
	if !p.namespace.Replaced() {
		return nil
	}
	p.Log.Warnf("network_namespace: %q is another namespace now, and the plugin moves to it: this gather was the last of the old one; in the new one, flows that began after the gather before are accounted in full, older ones from now on", p.NetworkNamespace)
	p.state.ready = false // the state describes the old one
	p.close()
	p.since = before
	if err := p.start(); err != nil {
		p.close()
		return fatal{fmt.Errorf("moving to another network namespace: %w", err)}
	}
	return nil
}
