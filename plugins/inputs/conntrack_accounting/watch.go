package conntrack_accounting

import (
	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/check"
)

// A fact is one thing that must hold for traffic to be counted. All facts are checked at
// the start and at each gather, and by Check, which starts nothing.
type fact struct {
	name string
	find func(*Plugin) finding
}

// finding is the result of checking a fact. It is logged when its state differs from that
// of the fact's last finding.
type finding struct {
	check.Finding
	state string // "" when all is well
	log   telegraf.LogLevel

	unknown bool // it could not be found out: the last finding stands
	always  bool // log it even if all was well before
}

// well means that nothing is wrong.
func well(format string, args ...any) finding {
	return finding{Finding: check.Okf("", format, args...), log: telegraf.Info}
}

// mended is the finding that something was wrong, and has just been corrected.
func mended(level telegraf.LogLevel, format string, args ...any) finding {
	return finding{Finding: check.Okf("", format, args...), log: level, always: true}
}

func failure(state, format string, args ...any) finding {
	return finding{Finding: check.Failf("", format, args...), state: state, log: telegraf.Error}
}

func warning(state, format string, args ...any) finding {
	return finding{Finding: check.Warnf("", format, args...), state: state, log: telegraf.Warn}
}

// notice is a warning about something that may be intended, so it is logged as
// information.
func notice(state, format string, args ...any) finding {
	return finding{Finding: check.Warnf("", format, args...), state: state, log: telegraf.Info}
}

// do adds the remedy.
func (f finding) do(format string, args ...any) finding {
	f.Finding = f.Do(format, args...)
	return f
}

// run adds the shell command that carries the remedy out.
func (f finding) run(command string) finding {
	f.Finding = f.Run("%s", command)
	return f
}

// unknown is the finding of a fact that could not be checked.
func (p *Plugin) unknown(format string, args ...any) finding {
	p.Log.Debugf(format, args...)
	return finding{Finding: check.Warnf("", "this could not be checked: "+format, args...), unknown: true}
}

// undecided is the finding that it is too early to decide.
func undecided(format string, args ...any) finding {
	return finding{Finding: check.Okf("", format, args...), unknown: true}
}

// watch checks facts and logs what changed.
func (p *Plugin) watch(facts []fact) {
	for _, c := range facts {
		f := c.find(p)
		if f.unknown || f.state == p.health.reported[c.name] && !f.always {
			continue
		}
		p.health.reported[c.name] = f.state
		text := f.Text()
		if f.state == "" && !f.always {
			text = "resolved: " + text
		}
		switch f.log {
		case telegraf.Error:
			p.Log.Errorf("%s", text)
		case telegraf.Warn:
			p.Log.Warnf("%s", text)
		default:
			p.Log.Infof("%s", text)
		}
	}
}

// settings are the facts about what the kernel does with flows that begin from now on.
// The sysctls are read once, in the second.
func settings() []fact {
	return []fact{
		{"capability", (*Plugin).checkCapability},
		{"sysctls", (*Plugin).checkSysctls},
		{"accounting", (*Plugin).checkAccounting},
		{"timestamps", (*Plugin).checkTimestamps},
		{"events", (*Plugin).checkEvents},
	}
}

// surroundings are the facts to check once the table has been read.
func surroundings() []fact {
	return []fact{
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
