// Package oneshot finds out whether Telegraf was asked for a single gather.
package oneshot

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Telegraf reports whether this process is a Telegraf that ends after a single gather,
// or was started by one, perhaps by way of a script. Telegraf tells neither plugins nor
// children about its own flags, so they are read from its command line.
func Telegraf() bool {
	for pid := os.Getpid(); pid > 1; pid = parentOf(pid) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && isOneShot(strings.Split(string(line), "\x00")) {
			return true
		}
	}
	return false
}

// parentOf returns the parent of a process, 0 if it is unknown.
func parentOf(pid int) (parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// "pid (name) state parent ...", and a name may hold anything.
	_, _ = fmt.Sscanf(string(stat[bytes.LastIndexByte(stat, ')')+1:]), " %c %d", new(rune), &parent)
	return parent
}

func isOneShot(args []string) bool {
	if !strings.Contains(filepath.Base(args[0]), "telegraf") {
		return false
	}
	for _, arg := range args[1:] {
		if arg == "--" {
			return false
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(arg, "-"), "-"), "=")
		if !strings.HasPrefix(arg, "-") {
			continue
		}
		switch name {
		case "test", "once":
			if on, err := strconv.ParseBool(value); !hasValue || err == nil && on {
				return true
			}
		case "test-wait":
			// Waits for service inputs, and implies --test unless it is 0.
			if value != "0" {
				return true
			}
		}
	}
	return false
}
