package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

// checkSinks finds out whether more than one sink wants this spool. All but one end
// after a moment, to be started again.
func (c *client) checkSinks() check.Finding {
	var pids []string
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range processes {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		process := filepath.Dir(path)
		pid := filepath.Base(process)
		if pid != strconv.Itoa(os.Getpid()) && c.sharesSpool(process, strings.Split(string(text), "\x00")) {
			pids = append(pids, pid)
		}
	}
	switch len(pids) {
	case 0:
		return check.Okf("sinks", "no sink runs on this spool now")
	case 1:
		return check.Okf("sinks", "one sink runs on this spool (pid %s)", pids[0])
	}
	return check.Failf("sinks", "%d sinks run on this spool (pids %s), where only one can: the others end, and are started again", len(pids), strings.Join(pids, ", ")).
		Do("leave either outputs.execd in telegraf.conf or psql-sink.service, or give each a spool of its own")
}

// sharesSpool reports whether a process, by its command line, is a sink on our spool. A
// container has files of its own under the same names.
func (c *client) sharesSpool(process string, args []string) bool {
	if filepath.Base(args[0]) != filepath.Base(os.Args[0]) || len(args) < 2 {
		return false
	}
	if first := args[1]; first != "watch" && !strings.HasPrefix(first, "-") {
		return false // another command
	}
	other := vpn_traffic.New()
	if path := configOf(args[1:]); path != "" && execd.LoadConfig(seenBy(process, path), "outputs", c.Name, c.LookupEnv, other) != nil {
		return false // not ours to read
	}
	ours, err := os.Stat(c.sink.Spool)
	theirs, theirErr := os.Stat(seenBy(process, other.Spool))
	return err == nil && theirErr == nil && os.SameFile(ours, theirs)
}

// seenBy is where a path leads that a process has.
func seenBy(process, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Join(process, "root", path)
	}
	return filepath.Join(process, "cwd", path)
}

// configOf returns the value of the switch -config.
func configOf(args []string) string {
	for i, arg := range args {
		name, value, given := strings.Cut(arg, "=")
		switch {
		case name != "-config" && name != "--config":
		case given:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}
