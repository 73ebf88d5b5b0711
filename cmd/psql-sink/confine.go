package main

import (
	"errors"

	"github.com/influxdata/telegraf"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/sandbox"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

// needed returns the capabilities of a command: check finds out, for root, what the user
// of the sink may do, and which other processes are sinks of the same spool.
func needed(args []string) []sandbox.Capability {
	if len(args) > 0 && args[0] == "check" {
		return []sandbox.Capability{sandbox.SetUID, sandbox.SetGID, sandbox.SysPtrace}
	}
	return nil
}

// confine takes from the program what the running plugin does not need.
func confine(running any, log telegraf.Logger) {
	sink := running.(*vpn_traffic.VPNTraffic)
	enter(profileOf(sink), sink, log)
}

// enter leaves the program what a profile names, if the sink's options say so.
func enter(profile sandbox.Profile, sink *vpn_traffic.VPNTraffic, log telegraf.Logger) {
	if !sink.Sandbox {
		sandbox.Outside("sandbox = false").Log(log)
		return
	}
	sandbox.Enter(profile).Log(log)
}

func profileOf(sink *vpn_traffic.VPNTraffic) sandbox.Profile {
	paths := sink.Paths()
	return sandbox.Profile{
		Read: paths.Read, Usual: paths.Usual, Write: paths.Write, Move: true,
		Inet: true, Netlink: unix.NETLINK_ROUTE, // zones of IPv6 addresses
	}
}

var errElsewhere = errors.New("the configuration needs other files or folders than at the start, and what this process may open cannot be widened (option sandbox): start psql-sink again")

// confinement is what a program that reads its configuration again has entered.
type confinement struct {
	profile *sandbox.Profile // nil: it is not confined
}

// allows returns an error when the configuration needs what is out of reach by now.
func (c *confinement) allows(sink *vpn_traffic.VPNTraffic, config string) error {
	if c.profile == nil {
		return nil
	}
	if now := watchProfile(sink, config); !sink.Sandbox || !c.profile.Equal(&now) {
		return errElsewhere
	}
	return nil
}

// enter confines the program, once.
func (c *confinement) enter(sink *vpn_traffic.VPNTraffic, config string) {
	if c.profile != nil {
		return
	}
	profile := watchProfile(sink, config)
	if sink.Sandbox {
		c.profile = &profile
	}
	enter(profile, sink, sink.Log)
}

// watchProfile adds the configuration, which is read again.
func watchProfile(sink *vpn_traffic.VPNTraffic, config string) sandbox.Profile {
	profile := profileOf(sink)
	if config != "" {
		profile.Read = append(profile.Read, config)
	}
	return profile
}
