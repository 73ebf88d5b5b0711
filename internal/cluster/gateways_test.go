package cluster

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// gateway is the Telegraf of a gateway, which reads what the test writes into a pipe.
type gateway struct {
	t       testing.TB
	name    string
	machine *testkit.Netns
	folder  string
	pipe    *os.File
	agent   *testkit.Child
	pair    func(report, line int) (src, dst string) // whom a line is about
	reports int
	sent    testkit.HostSums // the ledger: what all of its reports have
}

func newGateway(t testing.TB, name string, machine *testkit.Netns, ca string, set setting) *gateway {
	t.Helper()
	g := &gateway{t: t, name: name, machine: machine, folder: t.TempDir(), pair: pair}
	var input string
	g.pipe, input = testkit.Pipe(t)
	text := deployed(t, "gateway.conf", "/var/lib/telegraf/buffer", g.buffer(), "/etc/telegraf/ca.crt", ca,
		"\"gw-1\"", strconv.Quote(name), "PASSWORD-OF-gw-1", "PASSWORD-OF-"+name, "\"conntrack.gw-1\"", strconv.Quote("conntrack."+name),
		"[agent]\n", "[agent]\n  flush_interval = \""+set.flush+"\"\n  omit_hostname = true\n")
	require.NoError(t, os.WriteFile(g.config(), []byte(text+input), 0o600))
	g.start()
	return g
}

func (g *gateway) buffer() string { return filepath.Join(g.folder, "buffer") }
func (g *gateway) config() string { return filepath.Join(g.folder, "telegraf.conf") }

func (g *gateway) telegraf() testkit.Agent {
	return testkit.Agent{Config: g.config(), Netns: g.machine}
}

func (g *gateway) start() { g.agent = g.telegraf().Start(g.t) }

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// report hands a report of so many series to Telegraf.
func (g *gateway) report(series int) {
	g.t.Helper()
	_, err := g.pipe.Write(g.next(series))
	require.NoError(g.t, err)
}

// next returns the lines of the next report, and enters them into the ledger.
func (g *gateway) next(series int) []byte {
	for i := range series {
		g.sent.Rows++
		g.sent.SrcBytes += i + g.reports
		g.sent.DstBytes += 3 * i
	}
	g.reports++
	return g.lines(g.reports-1, series)
}

func source(report int) string    { return fmt.Sprintf("10.%d.%d.0", 100+report/250, report%250) }
func destination(line int) string { return fmt.Sprintf("10.%d.%d.0", 40+line/250, line%250) }

func pair(report, line int) (src, dst string) { return source(report), destination(line) }

func (g *gateway) lines(report, series int) []byte {
	var lines bytes.Buffer
	at := epoch.Add(time.Duration(report) * 15 * time.Second).UnixNano()
	for i := range series {
		src, dst := g.pair(report, i)
		fmt.Fprintf(&lines, "conntrack_accounting,host=%s,src=%s,dst=%s,proto=tcp,port=443 "+
			"src_packets=1i,src_bytes=%di,dst_packets=1i,dst_bytes=%di,connection_count=1i,connection_times=5i %d\n",
			g.name, src, dst, i+report, 3*i, at)
	}
	return lines.Bytes()
}

// buffered reports whether Telegraf's buffer on disk has a metric of these addresses.
func (g *gateway) buffered(src, dst string) (found bool) {
	_ = filepath.WalkDir(g.buffer(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			text, _ := os.ReadFile(path) // it may be removed meanwhile
			_, after, of := bytes.Cut(text, []byte(src))
			found = found || of && bytes.Contains(after, []byte(dst))
		}
		return nil
	})
	return found
}

// dropped returns what Telegraf logged of metrics that it dropped.
func dropped(log string) (lines []string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "dropped") || strings.Contains(line, "terminate") {
			lines = append(lines, line)
		}
	}
	return lines
}
