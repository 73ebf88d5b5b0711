package conntrack_accounting

import (
	"errors"
	"fmt"

	"telegraf-conntrack-accounting/internal/ctnetlink"
)

var errNotRunning = errors.New("the plugin was not started")

var errNoNetAdmin = errors.New("reading the connection tracking table needs CAP_NET_ADMIN: run as root, or grant it to Telegraf alone (AmbientCapabilities=CAP_NET_ADMIN in a drop-in for telegraf.service, see deploy/)")

// sysctl is a setting that accounting wants to be 1. It only works on flows
// that begin after it was set.
type sysctl struct {
	name  string
	found int // value before we touched it
	now   int
}

// prepareKernel reads the sysctls, sets them where it may, and says what is
// amiss. eventsOff means that flows end without any DESTROY event.
func (p *Plugin) prepareKernel() (eventsOff bool, err error) {
	for _, name := range []string{ctnetlink.Acct, ctnetlink.Timestamp, ctnetlink.Events} {
		s, err := p.ensure(name)
		if err != nil {
			return false, err
		}
		p.explainSysctl(s)
		if name == ctnetlink.Events {
			eventsOff = s.now == 0
		}
	}
	return eventsOff, nil
}

// ensure sets the sysctl to 1 where set_sysctls allows it. That the kernel
// refuses is no reason not to start.
func (p *Plugin) ensure(name string) (sysctl, error) {
	value, err := p.namespace.Sysctl(name)
	if err != nil {
		return sysctl{}, err
	}
	s := sysctl{name: name, found: value, now: value}
	if value == 1 || !p.SetSysctls {
		return s, nil
	}
	if err := p.namespace.SetSysctl(name, 1); err != nil {
		p.Log.Warnf("set_sysctls: %v; set it at boot with a file in /etc/sysctl.d", err)
		return s, nil
	}
	s.now = 1
	return s, nil
}

func (p *Plugin) explainSysctl(s sysctl) {
	remedy := fmt.Sprintf("set set_sysctls = true or run: sysctl -w net.netfilter.%s=1", s.name)
	switch {
	case s.found == 1:
	case s.name == ctnetlink.Acct && s.now == 1:
		p.Log.Warnf("accounting was off (%s=0) and is on now: flows that began before have no counters and stay uncounted until they end", ctnetlink.Acct)
	case s.name == ctnetlink.Acct:
		p.Log.Errorf("accounting is off (%s=0): nothing can be counted; %s", ctnetlink.Acct, remedy)
	case s.name == ctnetlink.Timestamp && s.now == 1:
		p.Log.Infof("timestamps were off (%s=0) and are on now: flows that began before have no start time: their connection_times are measured from when they were first seen", ctnetlink.Timestamp)
	case s.name == ctnetlink.Timestamp:
		p.Log.Warnf("timestamps are off (%s=0): bytes can be missing, for flows that follow each other on the same ports can be taken for one when another program listens for reliable events, and what ends during a start is not accounted; connection_times are too short by up to an interval; %s", ctnetlink.Timestamp, remedy)
	case s.name == ctnetlink.Events && s.now == 1:
		p.Log.Infof("events were in mode %d and are on now (%s=1): a flow that began before may end without an event; what it sent after its last gather is then lost", s.found, ctnetlink.Events)
	case s.name == ctnetlink.Events && s.now == 0:
		p.Log.Errorf("events are off (%s=0): traffic of a flow after its last gather, and flows shorter than an interval, are not counted; %s", ctnetlink.Events, remedy)
	case s.name == ctnetlink.Events:
		p.Log.Warnf("events are in autodetect mode (%s=2): flows older than this start end without an event; what they send after their last gather is lost; %s", ctnetlink.Events, remedy)
	}
}
