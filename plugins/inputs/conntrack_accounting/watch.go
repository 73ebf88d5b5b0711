package conntrack_accounting

import (
	"fmt"

	"github.com/influxdata/telegraf"
)

// A check looks for one thing that keeps traffic from being counted, or is about
// to. The start makes all checks, and each gather makes them again.
type check struct {
	name string
	look func(*Plugin) finding
}

// finding is what a check found. It is said when its state is not that of the
// check's last finding.
type finding struct {
	state string // "" when all is well
	level telegraf.LogLevel
	text  string // what is the matter and what to do about it, or that it is over

	untold bool // it cannot be known now: the last finding stands
	always bool // it is said even if all was well before
}

// well is found when nothing is the matter; the text is said when something was.
func well(format string, args ...any) finding {
	return finding{level: telegraf.Info, text: fmt.Sprintf(format, args...)}
}

// mended is well, of what was wrong until a moment ago.
func mended(level telegraf.LogLevel, format string, args ...any) finding {
	return finding{level: level, text: fmt.Sprintf(format, args...), always: true}
}

func failure(state, format string, args ...any) finding {
	return finding{state: state, level: telegraf.Error, text: fmt.Sprintf(format, args...)}
}

func warning(state, format string, args ...any) finding {
	return finding{state: state, level: telegraf.Warn, text: fmt.Sprintf(format, args...)}
}

func notice(state, format string, args ...any) finding {
	return finding{state: state, level: telegraf.Info, text: fmt.Sprintf(format, args...)}
}

// untold is found when a look at it failed; why is for those who debug.
func (p *Plugin) untold(format string, args ...any) finding {
	p.Log.Debugf(format, args...)
	return finding{untold: true}
}

// watch makes the checks and says what changed.
func (p *Plugin) watch(checks []check) {
	for _, c := range checks {
		f := c.look(p)
		if f.untold || f.state == p.health.said[c.name] && !f.always {
			continue
		}
		p.health.said[c.name] = f.state
		switch f.level {
		case telegraf.Error:
			p.Log.Errorf("%s", f.text)
		case telegraf.Warn:
			p.Log.Warnf("%s", f.text)
		default:
			p.Log.Infof("%s", f.text)
		}
	}
}

// settings are what the kernel was told, for flows that begin from now on.
func settings() []check {
	return []check{
		{"capability", (*Plugin).lookAtCapability},
		{"sysctls", (*Plugin).lookAtSysctls},
		{"accounting", (*Plugin).lookAtAccounting},
		{"timestamps", (*Plugin).lookAtTimestamps},
		{"events", (*Plugin).lookAtEvents},
	}
}

// surroundings are what is to be seen once the table is read.
func surroundings() []check {
	return []check{
		{"IPv4", func(p *Plugin) finding { return p.lookAtFamily("IPv4", "ip", p.cfg.Filter.NoIPv4) }},
		{"IPv6", func(p *Plugin) finding { return p.lookAtFamily("IPv6", "ip6", p.cfg.Filter.NoIPv6) }},
		{"receive buffer", (*Plugin).lookAtReceiveBuffer},
		{"table", (*Plugin).lookAtTable},
		{"flowtables", (*Plugin).lookAtFlowtables},
		{"counters", (*Plugin).lookAtCounters},
		{"filter", (*Plugin).lookAtFilter},
	}
}
