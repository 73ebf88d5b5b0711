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

func (*Plugin) lookAtCapability() finding {
	if !ctnetlink.HasNetAdmin() {
		return failure("lost", "CAP_NET_ADMIN is gone: the connection tracking table cannot be read, and nothing is counted; restart the plugin with it (AmbientCapabilities=CAP_NET_ADMIN in a drop-in for telegraf.service)")
	}
	return well("CAP_NET_ADMIN is there again: the connection tracking table can be read")
}

// lookAtSysctls says which settings are hidden, as a container can have it.
func (p *Plugin) lookAtSysctls() finding {
	var hidden []string
	for _, name := range []string{ctnetlink.Acct, ctnetlink.Timestamp, ctnetlink.Events} {
		if _, err := p.namespace.Sysctl(name); err != nil {
			p.Log.Debugf("%v", err)
			hidden = append(hidden, name)
		}
	}
	if len(hidden) == 0 {
		return well("the sysctls of connection tracking can be read again")
	}
	return warning(strings.Join(hidden, " "),
		"sysctls that cannot be read here: %s: accounting goes on, not knowing whether they are 1; have the host set them for this network namespace (docker run --sysctl net.netfilter.%s=1), and /proc/sys/net/netfilter visible",
		strings.Join(hidden, ", "), hidden[0])
}

func (p *Plugin) lookAtAccounting() finding {
	value, set, err := p.ensure(ctnetlink.Acct)
	switch {
	case err != nil && value < 0:
		return finding{untold: true}
	case set:
		return mended(telegraf.Warn, "accounting was off (%s=0) and is on now: flows that began while it was off have no counters and stay uncounted until they end", ctnetlink.Acct)
	case value == 0:
		return failure("off", "accounting is off (%s=0): nothing that begins now can be counted; %s", ctnetlink.Acct, p.remedy(ctnetlink.Acct, err))
	}
	return well("accounting is on again (%s=1): flows that began while it was off have no counters and stay uncounted until they end", ctnetlink.Acct)
}

func (p *Plugin) lookAtTimestamps() finding {
	value, set, err := p.ensure(ctnetlink.Timestamp)
	switch {
	case err != nil && value < 0:
		return finding{untold: true}
	case set:
		return mended(telegraf.Info, "timestamps were off (%s=0) and are on now: flows that began while they were off have no start time: their connection_times are measured from when they were first seen", ctnetlink.Timestamp)
	case value == 0:
		return warning("off", "timestamps are off (%s=0): bytes can be missing, for flows that follow each other on the same ports can be taken for one when another program listens for reliable events, and what ends during a start is not accounted; connection_times are too short by up to an interval; %s", ctnetlink.Timestamp, p.remedy(ctnetlink.Timestamp, err))
	}
	return well("timestamps are on again (%s=1)", ctnetlink.Timestamp)
}

func (p *Plugin) lookAtEvents() finding {
	value, set, err := p.ensure(ctnetlink.Events)
	if err != nil && value < 0 {
		return finding{untold: true}
	}
	found := value
	if set {
		value = 1
	}
	p.health.eventsOff = value == 0
	switch {
	case set:
		return mended(telegraf.Info, "events were in mode %d and are on now (%s=1): a flow that began before may end without an event; what it sent after its last gather is then lost", found, ctnetlink.Events)
	case value == 0:
		return failure("off", "events are off (%s=0): traffic of a flow after its last gather, and flows shorter than an interval, are not counted; %s", ctnetlink.Events, p.remedy(ctnetlink.Events, err))
	case value != 1:
		return warning("autodetect", "events are in autodetect mode (%s=2): flows that begin while nobody listens, as before this start, end without an event; what they send after their last gather is lost; %s", ctnetlink.Events, p.remedy(ctnetlink.Events, err))
	}
	return well("events are on again (%s=1)", ctnetlink.Events)
}

// watchSettings makes the checks of a gather that come before it. Once the kernel
// sends DESTROY events, flows that dumps do not show are waited for.
func (p *Plugin) watchSettings() {
	off := p.health.eventsOff
	p.watch(settings())
	if off && !p.health.eventsOff {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.tracker.SetMissingTTL(p.cfg.MissingTTL)
	}
}

// explainNoConntrack adds the remedy where the table cannot be read because there
// is none. That its sysctls are hidden alone is no proof.
func (p *Plugin) explainNoConntrack(err error) error {
	_, missing := p.namespace.Sysctl(ctnetlink.Count)
	if errors.Is(missing, ctnetlink.ErrNoConntrack) && !errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%w; %w", err, ctnetlink.ErrNoConntrack)
	}
	return err
}

// ensure returns the value that a sysctl had, -1 with an error if it cannot be
// read, and whether it was set to 1 now, which is only tried where set_sysctls
// allows it. Whatever sets it to something else while the plugin runs is undone
// at the next gather: what it would cost can never be made up for, and who wants it
// has set_sysctls.
func (p *Plugin) ensure(name string) (value int, set bool, err error) {
	if value, err = p.namespace.Sysctl(name); err != nil {
		return -1, false, err
	}
	if value == 1 || !p.SetSysctls {
		return value, false, nil
	}
	err = p.namespace.SetSysctl(name, 1)
	return value, err == nil, err
}

// remedy tells how to set a sysctl to 1 where we are; err says why the plugin
// could not.
func (p *Plugin) remedy(name string, err error) string {
	command := p.command(fmt.Sprintf("sysctl -w net.netfilter.%s=1", name))
	switch {
	case err == nil:
		return "set set_sysctls = true or run: " + command
	case errors.Is(err, syscall.EROFS):
		return fmt.Sprintf("/proc/sys is read-only here, so set_sysctls cannot set it: start a container with docker run --sysctl net.netfilter.%s=1, one that uses the host's network needs it on the host: %s; a unit must not have ProtectKernelTunables", name, command)
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Sprintf("set_sysctls may not set it here: have whoever owns the network namespace run: %s", command)
	}
	return fmt.Sprintf("set_sysctls could not set it (%v): run: %s", err, command)
}

// command is a shell command to be run in the namespace that is accounted.
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
