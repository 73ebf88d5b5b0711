package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Memory stays below its bound with several jobs, however large the files and
// the reports in them are.
func TestImportMemory(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	pg := testkit.Database(t)
	i := newImportTest(t, pg.DSN())
	for hour := range 4 {
		at := time.Unix(0, epoch).Add(time.Duration(hour) * time.Hour)
		// More than a transaction has where four import: of one report, and of several.
		i.file(fmt.Sprintf("huge/%d.csv", hour), hugeReport(at, 45_000))
		var text []byte
		for n := range 8 {
			text = appendBenchReport(text, at.Add(time.Duration(n)*15*time.Second), n, 10_000)
		}
		i.file(fmt.Sprintf("usual/%d.csv", hour), string(text))
		i.file(fmt.Sprintf("metrics/%d.txt", hour), metricsOfManyHosts(at, 12_500))
	}
	for folder, rows := range map[string]int{"usual": 320_000, "huge": 180_000, "metrics": 50_000} {
		child := testkit.StartChild(t, i.command("-jobs", "4", "-host", folder, filepath.Join(i.dir, folder)))
		peak := 0
		for running := true; running; {
			peak = max(peak, resident(child.Pid()))
			select {
			case <-child.Ended():
				running = false
			case <-time.After(5 * time.Millisecond):
			}
		}
		require.NoError(t, child.Wait(time.Minute), child.Stderr())
		require.Contains(t, child.Stdout(), fmt.Sprintf("4 of 4 files: %d rows imported, 0 duplicate", rows))
		t.Logf("%s: peak of resident memory: %d MB", folder, peak>>20)
		require.Positive(t, peak)
		require.Less(t, peak, memoryBound)
	}
}

// metricsOfManyHosts returns line protocol of a hundred hosts, some lines of each at a
// time.
func metricsOfManyHosts(at time.Time, rows int) string {
	var text strings.Builder
	for row := range rows {
		fmt.Fprintf(&text, "traffic,dst=10.33.%d.0,host=gw%d,port=443,proto=tcp,src=10.32.%d.0,src_name=%0200d src_packets=1i,src_bytes=100i,dst_packets=1i,dst_bytes=100i %d\n",
			row/100%100, row/20%100, row%100, row, at.Add(time.Duration(row/5_000)*time.Minute).UnixNano())
	}
	return text.String()
}

// hugeReport returns the lines of a report in which nobody talks to the same
// peer twice.
func hugeReport(at time.Time, rows int) string {
	var text strings.Builder
	for row := range rows {
		fmt.Fprintf(&text, "%d,tcp,10.%d.%d.0,10.33.%d.0,%d,1,1,1,1,2,3\n", at.UnixNano(), 32+row%4, row/4%150, row/600, 440+row%7)
	}
	return text.String()
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// resident returns the most memory that a process has had resident, or 0 when
// it is gone.
func resident(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	found := highWater.FindSubmatch(status)
	if found == nil {
		return 0
	}
	kb, _ := strconv.Atoi(string(found[1]))
	return kb << 10
}
