package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// In a container /proc/sys is read-only, or hidden. The plugin goes on with what it
// can read, and the remedy is one that works there.
func TestInAContainer(t *testing.T) {
	testkit.Need(t, "unshare", "sh")
	for name, c := range map[string]struct {
		prepare, says string
		silent        []string
	}{
		"read-only": {
			"mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys",
			"E! accounting is off (nf_conntrack_acct=0): the kernel does not count flows that begin now; set_sysctls cannot set it, since /proc/sys is read-only here: start a container with docker run --sysctl net.netfilter.nf_conntrack_acct=1",
			[]string{"set set_sysctls = true"},
		},
		"hidden": {
			"mount -t tmpfs none /proc/sys/net/netfilter",
			"W! sysctls that cannot be read here: nf_conntrack_acct, nf_conntrack_timestamp, nf_conntrack_events: accounting goes on",
			[]string{"load the module", "E! "},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRuns(t)
			if name == "read-only" {
				r.ns.Sysctl(t, "nf_conntrack_acct", 0)
			}
			require.NoError(t, r.ns.UDP("10.32.0.1", "10.33.0.1:53", 10, 100))
			script := c.prepare + ` && exec "$@"`
			process := testkit.StartChild(t, r.ns.Command("unshare", "-m", "sh", "-c", script, "sh", r.program, "-one-shot"))
			require.NoError(t, process.Wait(30*time.Second), process.Stderr())
			require.Equal(t, 1, strings.Count(process.Stderr(), c.says), process.Stderr())
			require.Contains(t, process.Stderr(), "accounting started")
			for _, text := range c.silent {
				require.NotContains(t, process.Stderr(), text)
			}
			if name == "hidden" {
				require.Contains(t, process.Stdout(), "src_packets=10i")
			}
		})
	}
}
