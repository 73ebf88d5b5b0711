package testkit

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// CPU returns the seconds of CPU of a process and of its children, those that have ended, too.
func CPU(t testing.TB, pid int) (seconds float64) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(text), ") ")
		field := strings.Fields(after) // from the third on: proc_pid_stat(5)
		own := filepath.Base(filepath.Dir(path)) == strconv.Itoa(pid)
		if !own && field[1] != strconv.Itoa(pid) {
			continue
		}
		for _, ticks := range field[11:15] { // utime, stime, cutime, cstime
			n, err := strconv.ParseFloat(ticks, 64)
			require.NoError(t, err)
			const perSecond = 100 // USER_HZ
			seconds += n / perSecond
		}
	}
	return seconds
}
