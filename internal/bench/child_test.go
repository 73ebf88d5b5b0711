package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/plugins/inputs/conntrack_accounting"
)

// A child is this program again, for a part that is measured in a process of
// its own.
var children = map[string]func() error{
	"gather":   gatherChild,
	"destroy":  destroyChild,
	"connect":  connectChild,
	"pressure": pressureChild,
}

// childVariable says which child to be.
const childVariable = "BENCH_CHILD"

func TestMain(m *testing.M) {
	if child := children[os.Getenv(childVariable)]; child != nil {
		if err := child(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	m.Run()
}

func child(name string, environment ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(append(os.Environ(), childVariable+"="+name), environment...)
	return cmd
}

// startPlugin starts the plugin, silently, on the namespace that NETNS names.
func startPlugin(options ...func(*conntrack_accounting.Plugin)) (*conntrack_accounting.Plugin, error) {
	p := conntrack_accounting.New()
	p.NetworkNamespace = os.Getenv("NETNS")
	p.Log = silence{}
	for _, set := range options {
		set(p)
	}
	return p, errors.Join(p.Init(), p.Start(nothing{}))
}

// gatherChild measures gathers of a table in which nothing changes.
func gatherChild() error {
	p, err := startPlugin()
	if err != nil {
		return err
	}
	defer p.Stop()
	var costs []cost
	for range 4 {
		c, err := measure(func() error { return p.Gather(nothing{}) })
		if err != nil {
			return err
		}
		costs = append(costs, c)
	}
	m := median(costs[1:]) // the first one warms up
	m.PeakKiB = peakOf(os.Getpid())
	return json.NewEncoder(os.Stdout).Encode(m)
}

func measure(fn func() error) (c cost, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, cpu := time.Now(), cpuTime()
	err = fn()
	c.Wall, c.CPU = time.Since(start), cpuTime()-cpu
	runtime.ReadMemStats(&after)
	c.Allocs = after.Mallocs - before.Mallocs
	return c, err
}

func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// nothing is an accumulator that drops what it is given.
type nothing struct{ telegraf.Accumulator }

func (nothing) AddFields(string, map[string]interface{}, map[string]string, ...time.Time) {}

// silence is a logger that says nothing.
type silence struct{ telegraf.Logger }

func (silence) Errorf(string, ...interface{}) {}
func (silence) Warnf(string, ...interface{})  {}
func (silence) Infof(string, ...interface{})  {}
func (silence) Debugf(string, ...interface{}) {}
