package conntrack_accounting

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/ctnetlink"
)

var errNotRunning = errors.New("the plugin was not started")

var errNoNetAdmin = errors.New("reading the connection tracking table needs CAP_NET_ADMIN: run as root, or grant it to Telegraf alone (AmbientCapabilities=CAP_NET_ADMIN in a drop-in for telegraf.service, see deploy/)")

func (*Plugin) checkCapability() finding {
	if !ctnetlink.HasNetAdmin() {
		return failure("lost", "CAP_NET_ADMIN is gone: the plugin cannot read the connection tracking table and counts nothing").
			do("restart it with the capability (AmbientCapabilities=CAP_NET_ADMIN in a drop-in for telegraf.service)")
	}
	return well("CAP_NET_ADMIN is there")
}

// wanted are the sysctls that should be 1.
var wanted = [...]string{ctnetlink.Acct, ctnetlink.Timestamp, ctnetlink.Events}

// sysctl is one of them.
type sysctl struct {
	value    int  // as it was found
	readable bool // else err says why not
	set      bool // it is 1 now: the plugin has set it
	due      bool // the start of the plugin will set it
	err      error
}

// readSysctl reads a setting, and sets it to 1 where set_sysctls allows it. If
// something sets it to another value while the plugin runs, the next gather sets it
// again: what is not counted meanwhile is lost for good, and set_sysctls = false
// prevents it.
func (p *Plugin) readSysctl(name string) (s sysctl) {
	if s.value, s.err = p.namespace.Sysctl(name); s.err != nil {
		p.Log.Debugf("%v", s.err)
		return s
	}
	s.readable = true
	switch {
	case s.value == 1 || !p.SetSysctls:
	case p.checking:
		s.err = p.namespace.MaySetSysctl(name)
		s.due = s.err == nil
	default:
		s.err = p.namespace.SetSysctl(name, 1)
		s.set = s.err == nil
	}
	return s
}

// due is the finding that the start of the plugin will set a sysctl.
func (p *Plugin) due(name string) finding {
	return warning("due", "%s is %d: the plugin sets it to 1 when it starts; flows that begin before are counted in part or not at all", name, p.health.sysctls[name].value).
		do("set it now, and at boot (deploy/sysctl.d)").run(p.command(fmt.Sprintf("sysctl -w net.netfilter.%s=1", name)))
}

// checkSysctls reads the sysctls for the checks after it, and finds those that are
// hidden, as they can be in a container.
func (p *Plugin) checkSysctls() finding {
	var hidden []string
	p.health.sysctls = make(map[string]sysctl)
	for _, name := range wanted {
		s := p.readSysctl(name)
		p.health.sysctls[name] = s
		if !s.readable {
			hidden = append(hidden, name)
		}
	}
	if len(hidden) == 0 {
		return well("the sysctls of connection tracking can be read")
	}
	return warning(strings.Join(hidden, " "),
		"sysctls that cannot be read here: %s: accounting goes on without knowing whether they are 1", strings.Join(hidden, ", ")).
		do("set them on the host, for this network namespace (docker run --sysctl net.netfilter.%s=1), and make /proc/sys/net/netfilter visible", hidden[0])
}

// checkSysctl finds out whether a sysctl is as it should be: mended is the finding when
// the plugin has just set it, off when it is 0.
func (p *Plugin) checkSysctl(name string, mended, off, on finding) finding {
	s := p.health.sysctls[name]
	switch {
	case !s.readable:
		return p.unknown("%v", s.err)
	case s.due:
		return p.due(name)
	case s.set:
		return mended
	case s.value == 0:
		return off.by(p.remedy(name, s.err))
	}
	return on
}

func (p *Plugin) checkAccounting() finding {
	return p.checkSysctl(ctnetlink.Acct,
		mended(telegraf.Warn, "accounting was off (%s=0) and is on now: flows that began while it was off have no counters and stay uncounted until they end", ctnetlink.Acct),
		failure("off", "accounting is off (%s=0): the kernel does not count flows that begin now", ctnetlink.Acct),
		well("accounting is on (%s=1)", ctnetlink.Acct))
}

func (p *Plugin) checkTimestamps() finding {
	return p.checkSysctl(ctnetlink.Timestamp,
		mended(telegraf.Info, "timestamps were off (%s=0) and are on now: flows that began while they were off have no start time, so their connection_times begin when the plugin first saw them", ctnetlink.Timestamp),
		warning("off", "timestamps are off (%s=0): bytes can be missing, since flows that follow each other on the same ports can look like one while another program listens for reliable events; flows that end during a start are not accounted; connection_times are too short by up to an interval", ctnetlink.Timestamp),
		well("timestamps are on (%s=1)", ctnetlink.Timestamp))
}

func (p *Plugin) checkEvents() finding {
	s := p.health.sysctls[ctnetlink.Events]
	if s.readable {
		p.health.eventsOff = s.value == 0 && !s.set
	}
	on := well("events are on (%s=1)", ctnetlink.Events)
	if s.value != 1 {
		on = warning("autodetect", "events are in autodetect mode (%s=2): flows that begin while no program listens, as before this start, end without an event, which loses what they send after their last gather", ctnetlink.Events).by(p.remedy(ctnetlink.Events, s.err))
	}
	return p.checkSysctl(ctnetlink.Events,
		mended(telegraf.Info, "events were in mode %d and are on now (%s=1): a flow that began before may end without an event, which loses what it sent after its last gather", s.value, ctnetlink.Events),
		failure("off", "events are off (%s=0): the plugin does not count what a flow sends after its last gather, nor flows shorter than an interval", ctnetlink.Events),
		on)
}

// watchSettings runs the checks that come before a gather. Once the kernel sends
// DESTROY events, the tracker waits for those of missing flows.
func (p *Plugin) watchSettings() {
	off := p.health.eventsOff
	p.watch(settings())
	if off && !p.health.eventsOff {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.tracker.SetMissingTTL(p.cfg.MissingTTL)
	}
}

// explainNoConntrack adds the remedy where the kernel has no table. Hidden sysctls
// alone do not prove that.
func (p *Plugin) explainNoConntrack(err error) error {
	_, missing := p.namespace.Sysctl(ctnetlink.Count)
	if errors.Is(missing, ctnetlink.ErrNoConntrack) && !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w; %w", err, ctnetlink.ErrNoConntrack)
	}
	return err
}

// remedy returns how to set a sysctl to 1 here; err is why the plugin could not, nil if
// it may not.
func (p *Plugin) remedy(name string, err error) (what, command string) {
	command = p.command(fmt.Sprintf("sysctl -w net.netfilter.%s=1", name))
	switch {
	case err == nil:
		return "set set_sysctls = true or run", command
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("set_sysctls cannot set it, since /proc/sys is read-only here: start a container with docker run --sysctl net.netfilter.%s=1; a unit must not have ProtectKernelTunables; for a container that uses the host's network run on the host", name), command
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return "set_sysctls may not set it here: the owner of the network namespace has to run", command
	}
	return fmt.Sprintf("set_sysctls could not set it (%v): run", err), command
}

// by adds a remedy and its command.
func (f finding) by(what, command string) finding { return f.do("%s", what).run(command) }

// command is a shell command to run in the namespace that is accounted.
func (p *Plugin) command(command string) string {
	switch {
	case p.NetworkNamespace == "":
		return command
	case !strings.ContainsRune(p.NetworkNamespace, '/'):
		return fmt.Sprintf("ip netns exec %s %s", p.NetworkNamespace, command)
	case filepath.Dir(p.NetworkNamespace) == "/run/netns":
		return fmt.Sprintf("ip netns exec %s %s", filepath.Base(p.NetworkNamespace), command)
	}
	return fmt.Sprintf("nsenter --net=%s %s", p.NetworkNamespace, command)
}
