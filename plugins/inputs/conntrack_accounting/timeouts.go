package conntrack_accounting

import (
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// readTimeouts reads how long the kernel keeps connections that are over, which
// may change at any time. One that cannot be read stays unknown: such connections
// are then timed by the dump that finds them closed.
func (p *Plugin) readTimeouts() {
	var timeouts accounting.TCPTimeouts
	for _, timeout := range []struct {
		name string
		to   *time.Duration
	}{
		{ctnetlink.TimeoutCloseWait, &timeouts.CloseWait},
		{ctnetlink.TimeoutLastAck, &timeouts.LastAck},
		{ctnetlink.TimeoutTimeWait, &timeouts.TimeWait},
		{ctnetlink.TimeoutClose, &timeouts.Close},
	} {
		if seconds, err := p.namespace.Sysctl(timeout.name); err == nil {
			*timeout.to = time.Duration(seconds) * time.Second
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tracker.SetTimeouts(timeouts)
}
