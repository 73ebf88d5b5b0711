// Package bench measures the product against its limits and against others: all
// contenders in turn, in processes of their own, on the same kernel, several
// times over. What it prints are medians, and what they are to a reference.
//
// The benchmarks print tables and mean nothing by ns/op; make bench runs them.
package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

const module = "telegraf-conntrack-accounting"

// cost is what a contender took for what it was asked.
type cost struct {
	Wall, CPU time.Duration
	Reader    time.Duration // CPU of the process that listened meanwhile
	Allocs    uint64
	PeakKiB   int // resident, over the life of the process
	Flows     int
}

// rounds is how often every contender has its turn: BENCH_ROUNDS, or 5.
func rounds(b *testing.B) int { return testkit.Number(b, "BENCH_ROUNDS", 5) }

// contender is one way to do something.
type contender struct {
	name string
	run  func() cost
}

// compete lets all contenders have their turns.
func compete(b *testing.B, contenders []contender) [][]cost {
	costs := make([][]cost, len(contenders))
	for range rounds(b) {
		for i, c := range contenders {
			costs[i] = append(costs[i], c.run())
		}
	}
	return costs
}

func wall(c cost) time.Duration { return c.Wall }
func cpu(c cost) time.Duration  { return c.CPU }

// ratio is the median of the ratios to a reference, round by round.
func ratio(costs, reference []cost, part func(cost) time.Duration) string {
	all := make([]float64, len(costs))
	for i := range costs {
		all[i] = float64(part(costs[i])) / float64(part(reference[i]))
	}
	slices.Sort(all)
	return fmt.Sprintf("%.2f", all[len(all)/2])
}

// median returns the median of each part of the costs.
func median(costs []cost) (m cost) {
	m.Wall = middle(costs, func(c cost) time.Duration { return c.Wall })
	m.CPU = middle(costs, func(c cost) time.Duration { return c.CPU })
	m.Reader = middle(costs, func(c cost) time.Duration { return c.Reader })
	m.Allocs = middle(costs, func(c cost) uint64 { return c.Allocs })
	m.PeakKiB = middle(costs, func(c cost) int { return c.PeakKiB })
	m.Flows = middle(costs, func(c cost) int { return c.Flows })
	return m
}

func middle[T time.Duration | uint64 | int](costs []cost, part func(cost) T) T {
	all := make([]T, len(costs))
	for i, c := range costs {
		all[i] = part(c)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// table is what a benchmark prints.
type table struct{ rows []string }

func (t *table) add(columns ...any) {
	text := make([]string, len(columns))
	for i, column := range columns {
		text[i] = fmt.Sprint(column)
	}
	t.rows = append(t.rows, strings.Join(text, "\t")+"\t\n")
}

func (t *table) print(title string) {
	fmt.Printf("\n%s\n", title)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range t.rows {
		_, _ = w.Write([]byte(row))
	}
	_ = w.Flush()
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1e3) }

func mb(kib int) string { return fmt.Sprintf("%.1f MB", float64(kib)*1024/1e6) }

// peers returns the program that does what others do.
func peers(b *testing.B) string {
	root := testkit.Root(b)
	program := filepath.Join(root, "build", "test", "peers")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join(root, "internal", "bench", "peers")
	out, err := build.CombinedOutput()
	require.NoError(b, err, string(out))
	return program
}

// costOf runs a program that prints its cost.
func costOf(b *testing.B, cmd *exec.Cmd) (c cost) {
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(b, err, cmd.Args)
	require.NoError(b, json.Unmarshal(out, &c), string(out))
	return c
}

// watch runs a program that does not, to its end.
func watch(b *testing.B, cmd *exec.Cmd) (c cost) {
	start := time.Now()
	require.NoError(b, cmd.Start())
	done := make(chan struct{})
	peak := make(chan int)
	go func() { // until done
		highest := 0
		for {
			select {
			case <-done:
				peak <- highest
				return
			case <-time.After(5 * time.Millisecond):
				highest = max(highest, peakOf(cmd.Process.Pid))
			}
		}
	}()
	err := cmd.Wait()
	c.Wall = time.Since(start)
	close(done)
	c.PeakKiB = <-peak
	require.NoError(b, err, cmd.Args)
	c.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return c
}

// cpuOf returns the CPU time that a process has taken, by the clock tick.
func cpuOf(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	require.NoError(b, err)
	_, rest, _ := strings.Cut(string(stat), ") ") // the name, in brackets, may hold anything
	fields := strings.Fields(rest)
	user, err := strconv.Atoi(fields[11])
	require.NoError(b, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(b, err)
	return time.Duration(user+system) * (time.Second / 100)
}

// peakOf returns the most memory that a process has had, in KiB; 0 when it is
// gone. It starts anew when the process becomes another program.
func peakOf(pid int) (kib int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(peak, &kib)
	return kib
}
