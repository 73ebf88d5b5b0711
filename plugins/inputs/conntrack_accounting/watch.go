package conntrack_accounting

import (
	"fmt"

	"github.com/influxdata/telegraf"
)

// A check looks for one thing that keeps traffic from being counted, or soon will.
// The start runs all checks, and each gather runs them again.
type check struct {
	name string
	run  func(*Plugin) finding
}

// finding is the result of a check. It is logged when its state differs from that of
// the check's last finding.
type finding struct {
	state string // "" when all is well
	level telegraf.LogLevel
	text  string // what is wrong and what to do about it, or that it is over

	unknown bool // the check could not find out: the last finding stands
	always  bool // log it even if all was well before
}

// well means that nothing is wrong; the text is logged when something was.
func well(format string, args ...any) finding {
	return finding{level: telegraf.Info, text: fmt.Sprintf(format, args...)}
}

// mended is well, of something that was wrong until a moment ago.
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

// unknown is the finding of a check that failed.
func (p *Plugin) unknown(format string, args ...any) finding {
	p.Log.Debugf(format, args...)
	return finding{unknown: true}
}

// watch runs the checks and logs what changed.
func (p *Plugin) watch(checks []check) {
	for _, c := range checks {
		f := c.run(p)
		if f.unknown || f.state == p.health.reported[c.name] && !f.always {
			continue
		}
		p.health.reported[c.name] = f.state
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

// settings are the checks of what the kernel does with flows that begin from now on.
// They read the sysctls once, in the second.
func settings() []check {
	return []check{
		{"capability", (*Plugin).checkCapability},
		{"sysctls", (*Plugin).checkSysctls},
		{"accounting", (*Plugin).checkAccounting},
		{"timestamps", (*Plugin).checkTimestamps},
		{"events", (*Plugin).checkEvents},
	}
}

// surroundings are the checks to run once the table is read.
func surroundings() []check {
	return []check{
		{"tracking", (*Plugin).checkTracking},
		{"IPv4", func(p *Plugin) finding {
			return p.checkFamily("IPv4", "ip", p.cfg.Filter.NoIPv4, p.health.tracking.ipv4)
		}},
		{"IPv6", func(p *Plugin) finding {
			return p.checkFamily("IPv6", "ip6", p.cfg.Filter.NoIPv6, p.health.tracking.ipv6)
		}},
		{"receive buffer", (*Plugin).checkReceiveBuffer},
		{"table", (*Plugin).checkTable},
		{"flowtables", (*Plugin).checkFlowtables},
		{"counters", (*Plugin).checkCounters},
		{"filter", (*Plugin).checkFilter},
	}
}
