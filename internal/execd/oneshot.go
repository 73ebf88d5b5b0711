package execd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// underOneShotTelegraf reports whether this process was started by a Telegraf
// that ends after a single gather. Telegraf tells its children nothing about
// its own flags, so they are read from its command line.
func underOneShotTelegraf() bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", os.Getppid()))
	return err == nil && isOneShotTelegraf(strings.Split(string(line), "\x00"))
}

func isOneShotTelegraf(args []string) bool {
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
