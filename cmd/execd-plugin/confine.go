package main

import (
	"os"
	"slices"
	"strings"

	"github.com/influxdata/telegraf"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/ctnetlink"
	"telegraf-conntrack-accounting/internal/sandbox"
	"telegraf-conntrack-accounting/plugins/inputs/conntrack_accounting"
)

// needed returns the capabilities that the start may need: the configuration is not known
// yet. To check is to find out, for root, what the user of Telegraf may do.
func needed(args []string) []sandbox.Capability {
	keep := []sandbox.Capability{sandbox.NetAdmin, sandbox.SysAdmin, sandbox.SysPtrace}
	if slices.ContainsFunc(args, func(arg string) bool { return strings.TrimLeft(arg, "-") == "check" }) {
		keep = append(keep, sandbox.SetUID, sandbox.SetGID)
	}
	return keep
}

// confine takes from the program what the running plugin does not need. It needs the
// capabilities of network_namespace again when another namespace takes that name.
func confine(running any, log telegraf.Logger) {
	p := running.(*conntrack_accounting.Plugin)
	namespace := ctnetlink.NamespacePath(p.NetworkNamespace)
	keep := []sandbox.Capability{sandbox.NetAdmin}
	if namespace != "" {
		keep = append(keep, sandbox.SysAdmin)
	}
	if ofProcess(namespace) {
		keep = append(keep, sandbox.SysPtrace)
	}
	if err := sandbox.Drop(keep...); err != nil {
		log.Warn(err)
	}
	if !p.Sandbox {
		sandbox.Outside("sandbox = false").Log(log)
		return
	}
	profile := sandbox.Profile{
		Proc: true, Sysctls: p.SetSysctls,
		Netlink: unix.NETLINK_NETFILTER, Namespaces: namespace != "", Processes: ofProcess(namespace),
	}
	profile.Read, profile.Write = p.Paths()
	sandbox.Enter(profile).Log(log)
}

// ofProcess reports whether a namespace is named by a process that is in it, as
// /proc/PID/ns/net, or by a link to that.
func ofProcess(namespace string) bool {
	if target, err := os.Readlink(namespace); err == nil && !strings.HasPrefix(namespace, "/proc/") {
		namespace = target
	}
	return strings.HasPrefix(namespace, "/proc/")
}
