package conntrack_accounting

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// readReports returns the rows of all reports in a folder, in the order of
// their names, after a check that they speak for host.
func readReports(t *testing.T, folder, host string) (rows []reportfile.Row) {
	t.Helper()
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, file := range files {
		name := reportfile.ParseName(file.Name())
		require.Equal(t, host, name.Host, file.Name())
		require.False(t, name.Arrived.IsZero())
		in, err := os.Open(filepath.Join(folder, file.Name()))
		require.NoError(t, err)
		for lines := reportfile.NewReader(in); ; {
			var row reportfile.Row
			err := lines.Read(&row)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			rows = append(rows, row)
		}
		require.NoError(t, in.Close())
	}
	return rows
}

// asMetrics returns rows as the lab keeps metrics.
func asMetrics(rows []reportfile.Row) (list []row) {
	for i := range rows {
		r := &rows[i]
		named := map[string]string{"proto": r.Proto, "src": r.Src, "dst": r.Dst, "port": strconv.Itoa(int(r.Port))}
		fields := make(map[string]interface{})
		setFields(fields, r)
		list = append(list, row{name: measurement, tags: named, fields: fields, at: time.Unix(0, r.Time)})
	}
	return list
}

// Reports have exactly what the metrics have, row by row.
func TestReportsAndMetricsAreTheSame(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]bool{"closed connections": false, "open connections": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, folder := newLab(t), t.TempDir()
			l.ns.ServeTCP(t, "[::]:80")
			l.start(func(p *Plugin) {
				p.ReportDirectory, p.ReportHost, p.TrackOpenConnections = folder, "gw 1", open
				p.Ports = []string{"tcp:80"}
			})
			l.gather()
			require.Empty(t, readReports(t, folder, "gw 1"), "no series, no report")
			var all []row
			for i := range 3 {
				require.NoError(t, l.ns.TCP("10.32.0.1", "10.32.0.2:80", 1+i, 1000, 100_000))
				require.NoError(t, l.ns.TCP("2001:db8::1", "[2001:db8::2]:80", 1, 1000, 1000))
				l.gather()
				all = append(all, l.rows...)
			}
			require.GreaterOrEqual(t, len(all), 6)
			require.Equal(t, all, asMetrics(readReports(t, folder, "gw 1")))
			l.requireExact()
		})
	}
}

// The start says which host reports are filed under, beside the machine's own name,
// which Telegraf's metrics have unless it is told otherwise.
func TestReportsTellTheirHost(t *testing.T) {
	t.Parallel()
	own, err := os.Hostname()
	require.NoError(t, err)
	l, folder := newLab(t), t.TempDir()
	l.start()
	require.Empty(t, l.log.with("I! report_directory"))
	for _, c := range []struct{ option, host string }{{"gw 1", "gw 1"}, {"", own}} {
		l.plugin.Stop()
		l.start(func(p *Plugin) { p.ReportDirectory, p.ReportHost = folder, c.option })
		require.Len(t, l.log.with(fmt.Sprintf("I! report_directory: reports have the host %q, this machine is %q: ", c.host, own)), 1)
	}
}

// Reports have the names that the metrics of the same gather have.
func TestReportsHaveNames(t *testing.T) {
	t.Parallel()
	l, folder := newLab(t), t.TempDir()
	l.serve()
	file, put := networksFile(t)
	put("10.32.0.0/16,\"East, 2nd \"\"floor\"\"\"\n")
	l.start(func(p *Plugin) {
		p.ReportDirectory, p.ReportHost, p.NetworksFile = folder, "gw", file
		p.SourceMask, p.DestinationMask = "24", "24"
	})
	for _, name := range []string{`East, 2nd "floor"`, "West"} {
		require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 1, 100))
		require.NoError(t, l.ns.UDP("10.35.0.1", "10.33.0.1:53", 1, 100))
		l.gather()
		rows := readReports(t, folder, "gw")
		names := map[string]string{}
		for _, row := range rows[len(rows)-2:] {
			names[row.Src] = row.SrcName
			require.Empty(t, row.DstName)
		}
		require.Equal(t, map[string]string{"10.32.0.0": name, "10.35.0.0": ""}, names)
		require.Len(t, l.with("src_name", name), 1)
		put("10.32.0.0/16,West\n")
	}
	l.requireExact()
}

// Series that only group_by distinguishes are one row of a report: their sum.
func TestReportsSumUpWhatGroupByTellsApart(t *testing.T) {
	t.Parallel()
	l, folder := newLab(t), t.TempDir()
	l.ns.Nft(t, `table inet marks {
		chain out {
			type filter hook output priority mangle;
			ip daddr 10.32.0.2 ct mark set 0x1
			ip daddr 10.32.0.3 ct mark set 0x2
		}
	}`)
	for _, server := range []string{"10.32.0.2", "10.32.0.3"} {
		l.ns.EchoUDP(t, server+":53")
	}
	l.start(func(p *Plugin) {
		p.ReportDirectory, p.ReportHost = folder, "gw"
		p.GroupBy, p.DestinationMask, p.TrackOpenConnections = []string{"mark"}, "24", true
	})
	for range 2 {
		require.NoError(t, l.ns.UDP("10.32.0.1", "10.32.0.2:53", 3, 100))
		require.NoError(t, l.ns.UDP("10.32.0.1", "10.32.0.3:53", 5, 200))
		l.gather()
		require.Len(t, l.rows, 2, "a metric for each mark")
	}
	rows := readReports(t, folder, "gw")
	require.Len(t, rows, 2, "a row for each gather")
	for i, row := range rows {
		require.Equal(t, reportfile.Row{
			Time: row.Time, Proto: "udp", Src: "10.32.0.1", Dst: "10.32.0.0", Port: 53,
			SrcPackets: 8, SrcBytes: 3*128 + 5*228, DstPackets: 8, DstBytes: 3*128 + 5*228, HasOpen: true,
		}, row, "gather %d", i)
	}
	require.NotEqual(t, rows[0].Time, rows[1].Time)
	l.requireExact()
}

// A one-shot run writes no report: it repeats what others hold already.
func TestAOneShotRunWritesNoReport(t *testing.T) {
	t.Parallel()
	l, folder := newLab(t), t.TempDir()
	l.ns.EchoUDP(t, "10.32.0.2:53")
	l.start()
	require.NoError(t, l.ns.UDP("10.32.0.1", "10.32.0.2:53", 3, 100))
	l.start(func(p *Plugin) {
		p.ReportDirectory = folder
		p.SetOneShot(true)
	})
	l.gather()
	require.NotEmpty(t, l.rows)
	require.Empty(t, readReports(t, folder, ""))
}

// While the disk is full, metrics go on; the reports wait in memory.
func TestReportsOutlastAFullDisk(t *testing.T) {
	t.Parallel()
	l, disk := newLab(t), testkit.NewDisk(t, 1<<20)
	folder := disk.Path()
	l.ns.EchoUDP(t, "10.32.0.2:53")
	l.start(func(p *Plugin) { p.ReportDirectory, p.ReportHost = folder, "gw" })
	filler := disk.Fill(0)
	var all []row
	for range 5 {
		require.NoError(t, l.ns.UDP("10.32.0.1", "10.32.0.2:53", 3, 100))
		l.gather()
		require.NotEmpty(t, l.rows)
		all = append(all, l.rows...)
	}
	l.requireExact()
	require.Len(t, l.log.with("E! "), 1, "logged once")
	require.Len(t, l.log.with("E! report_directory: writing a report: free some space on the disk of "+folder), 1)
	require.NoError(t, os.Remove(filler), "and this is all there is in the folder")
	require.Empty(t, readReports(t, folder, "gw"))

	require.NoError(t, l.ns.UDP("10.32.0.1", "10.32.0.2:53", 3, 100))
	l.gather()
	all = append(all, l.rows...)
	require.Equal(t, all, asMetrics(readReports(t, folder, "gw")))
	require.Len(t, l.log.with("I! report_directory: reports are written again, including those that waited; since the start, 5 attempts failed and 0 reports were lost"), 1)
}

func TestTheLastReportsAreWrittenAtTheEnd(t *testing.T) {
	parent := t.TempDir()
	folder := filepath.Join(parent, "new")
	for name, test := range map[string]struct {
		back bool
		says string
	}{
		"folder comes back": {true, "I! report_directory: reports are written again"},
		"folder is gone":    {false, "E! report_directory: 1 reports are lost because the program ends: "},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.RemoveAll(folder))
			require.NoError(t, os.Mkdir(folder, 0o700))
			p, log := pluginWithReports(t, folder)
			require.NoError(t, os.Remove(folder))
			p.reports.add(&reportfile.Row{Time: reportfile.Earliest, Proto: "tcp", Src: "10.0.0.1", Dst: "10.0.0.2"})
			p.reports.write()
			p.reports.write()
			require.Len(t, log.with("E! report_directory: writing a report: open "+folder), 1)
			if test.back {
				require.NoError(t, os.Mkdir(folder, 0o700))
			}
			p.Stop()
			require.Len(t, log.with(test.says), 1)
			p.Stop()
			require.Len(t, log.with("report_directory: "), 2)
			if test.back {
				require.Len(t, readReports(t, folder, "gw"), 1)
			}
		})
	}
}

func pluginWithReports(t *testing.T, folder string) (*Plugin, *lines) {
	t.Helper()
	p, log := New(), &lines{}
	p.Log, p.ReportDirectory, p.ReportHost = log, folder, "gw"
	require.NoError(t, p.Init())
	return p, log
}

// What waits in memory has a bound, and what is lost beyond it is counted.
func TestUnsavedReportsHaveABound(t *testing.T) {
	folder := t.TempDir()
	p, log := pluginWithReports(t, folder)
	require.NoError(t, os.Remove(folder))
	const rows, reports = 5000, 12
	name := strings.Repeat("x", 1000) // so that few rows are many bytes
	for n := range reports {
		for i := range rows {
			p.reports.add(&reportfile.Row{Time: int64(1_700_000_000_000_000_000 + n), Proto: "tcp", Src: "10.0.0.0", Dst: "10.0.0.1", SrcName: name, Port: accounting.OtherPorts, SrcBytes: int64(i)})
		}
		p.reports.write()
		require.LessOrEqual(t, p.reports.size, maxUnsaved)
	}
	lost := int(p.reports.counts.lost)
	require.Greater(t, lost, 0)
	require.Len(t, log.with("from now on, the oldest are lost"), 1)
	require.NoError(t, os.Mkdir(folder, 0o700))
	p.reports.write()
	saved := readReports(t, folder, "gw")
	require.Len(t, saved, (reports-lost)*rows)
	require.EqualValues(t, 1_700_000_000_000_000_000+lost, saved[0].Time, "the oldest are lost")
	require.Zero(t, p.reports.size)
	require.EqualValues(t, reports-lost, p.reports.counts.written)
}

func TestReportHostIsThisHost(t *testing.T) {
	p, folder := New(), t.TempDir()
	p.ReportDirectory = folder
	require.NoError(t, p.Init())
	p.reports.add(&reportfile.Row{Time: reportfile.Earliest, Proto: "tcp", Src: "10.0.0.1", Dst: "10.0.0.2"})
	p.reports.write()
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Len(t, readReports(t, folder, host), 1)
}
