package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Privileges returns what the kernel says of the privileges of a process: CapEff and its
// like, NoNewPrivs and Seccomp, each with the values that its threads have.
func Privileges(pid int) map[string][]string {
	found := make(map[string][]string)
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, thread := range threads {
		text, _ := os.ReadFile(thread) // of one that has just ended there is none
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			value = strings.TrimSpace(value)
			if of := strings.HasPrefix(name, "Cap") || name == "NoNewPrivs" || name == "Seccomp"; of && !slices.Contains(found[name], value) {
				found[name] = append(found[name], value)
			}
		}
	}
	return found
}
