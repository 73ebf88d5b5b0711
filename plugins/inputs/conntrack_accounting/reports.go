package conntrack_accounting

import (
	"fmt"
	"os"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/spool"
)

// maxUnsaved bounds the reports in memory that could not be written: some
// hours of a gateway with a few hundred series.
const maxUnsaved = 32 << 20

// muchText is more memory than is kept for the next report, if it needs less.
const muchText = 1 << 20

// reports writes each gather into a file, too. A file that cannot be written
// is tried again at each gather; the metrics do not wait for it. The zero
// value writes nothing.
type reports struct {
	log    telegraf.Logger
	writer *spool.Writer // nil without report_directory
	host   string

	lines []byte // of the gather that goes on

	// sums add up series of one gather that differ in the keys of group_by only: the
	// database would keep only one of their rows. nil without group_by.
	sums *accounting.Sums

	unsaved [][]byte // oldest first
	size    int      // of all of them
	failing bool     // and it was logged
	counts  reportCounts
}

// reportCounts count reports since the start.
type reportCounts struct {
	written uint64
	failed  uint64 // attempts
	lost    uint64 // for lack of room in memory
}

// readReports checks the directory. A one-shot dump writes no reports: it accounts
// everything that flows have sent, which a running instance has reported already.
func (p *Plugin) readReports() (err error) {
	p.reports = reports{log: p.Log, host: p.ReportHost}
	if err := reportfile.CheckHost(p.ReportHost); err != nil {
		return fmt.Errorf("report_host: %q %w", p.ReportHost, err)
	}
	if p.ReportDirectory == "" || p.oneShot || p.checking {
		return nil
	}
	if p.ReportHost == "" {
		if p.reports.host, err = os.Hostname(); err != nil {
			return fmt.Errorf("report_host: it is empty, and the name of this machine cannot be read: %w", err)
		}
	}
	if p.reports.writer, err = spool.NewWriter(p.ReportDirectory); err != nil {
		return fmt.Errorf("report_directory: %w", err)
	}
	if len(p.GroupBy) > 0 {
		sums := accounting.SumsBy(accounting.RowPart)
		p.reports.sums = &sums
	}
	return nil
}

// logHost logs the host of the reports in the database. The name that Telegraf gives
// this machine is not known here.
func (r *reports) logHost() {
	if r.writer == nil {
		return
	}
	own := "the name of this machine cannot be read"
	if name, err := os.Hostname(); err == nil {
		own = fmt.Sprintf("this machine is %q", name)
	}
	r.log.Infof("report_directory: reports have the host %q, %s: if Telegraf's metrics go into the same database, its hostname must be %q too, otherwise all traffic counts twice", r.host, own, r.host)
}

// report adds a series to the report of this gather.
func (p *Plugin) report(s *accounting.Series, row *reportfile.Row) {
	switch {
	case p.reports.writer == nil:
	case p.reports.sums != nil:
		p.reports.sums.Add(s)
	default:
		p.reportRow(&s.Key, row)
	}
}

// reportRow adds a row, with the names of its networks.
func (p *Plugin) reportRow(k *accounting.SeriesKey, row *reportfile.Row) {
	row.SrcName, row.DstName = reportedName(p.tracker.SourceNetwork(k)), reportedName(p.tracker.DestinationNetwork(k))
	p.reports.add(row)
}

func reportedName(n *accounting.Network) string {
	if n == nil {
		return ""
	}
	return reportfile.CleanName(n.Name)
}

func (r *reports) add(row *reportfile.Row) { r.lines = reportfile.Append(r.lines, row) }

// write writes the reports that wait, then the one of this gather.
func (r *reports) write() {
	lines := r.lines
	if len(lines) > 0 {
		r.unsaved, r.size = append(r.unsaved, lines), r.size+len(lines)
	}
	err := r.flush()
	if err == nil {
		if r.lines = lines[:0]; cap(lines) > max(muchText, 4*len(lines)) { // nothing refers to them any more
			r.lines = nil
		}
		r.recovered()
		return
	}
	r.lines = nil
	r.counts.failed++
	if !r.failing {
		r.failing = true
		r.log.Errorf("report_directory: %v; up to %d bytes of reports wait in memory for the next attempt; metrics are not affected", err, maxUnsaved)
	}
	r.forget()
}

func (r *reports) flush() error {
	for len(r.unsaved) > 0 {
		if err := r.writer.Write(r.host, r.unsaved[0]); err != nil {
			return err
		}
		r.counts.written++
		r.drop()
	}
	return nil
}

// drop removes the oldest report from memory.
func (r *reports) drop() {
	r.size -= len(r.unsaved[0])
	r.unsaved[0] = nil
	r.unsaved = r.unsaved[1:]
}

// forget drops the oldest reports beyond maxUnsaved.
func (r *reports) forget() {
	for r.size > maxUnsaved {
		r.drop()
		if r.counts.lost++; r.counts.lost == 1 {
			r.log.Errorf("report_directory: %d bytes of reports wait in memory, the most allowed: from now on, the oldest are lost", maxUnsaved)
		}
	}
}

func (r *reports) recovered() {
	if r.failing {
		r.log.Infof("report_directory: reports are written again, including those that waited; since the start, %d attempts failed and %d reports were lost", r.counts.failed, r.counts.lost)
	}
	r.failing = false
}

// stop tries a last time to write the reports that wait.
func (r *reports) stop() {
	if len(r.unsaved) == 0 {
		return
	}
	err := r.flush()
	if err == nil {
		r.recovered()
		return
	}
	n := len(r.unsaved)
	r.counts.lost += uint64(n)
	r.unsaved, r.size = nil, 0
	r.log.Errorf("report_directory: %d reports are lost because the program ends: %v", n, err)
}
