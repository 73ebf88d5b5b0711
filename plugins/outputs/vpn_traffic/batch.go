package vpn_traffic

import (
	"fmt"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/spool"
)

// A Batch is metrics that become durable at once: a report for each host, and what is
// rejected with its reasons. A batch is for one goroutine; several batches of a sink can be
// filled and stored at once.
type Batch struct {
	converter
	sink     *VPNTraffic
	sender   string                  // "" for the only one
	mayWrite func(host string) error // nil: for every host

	hosts    []string // in the order of their first metric
	reports  map[string][]byte
	rejected rejected

	taken int // metrics and lines
	bytes int // of the reports
}

// NewBatch returns an empty batch of one of many senders, to be used after Connect. Metrics
// of a host for which mayWrite returns an error are rejected with that error.
func (v *VPNTraffic) NewBatch(sender string, mayWrite func(host string) error) *Batch {
	return &Batch{converter: *v.converter(), sink: v, sender: sender, mayWrite: mayWrite, reports: make(map[string][]byte)}
}

// Add takes a metric, which may be used again afterwards.
func (b *Batch) Add(m telegraf.Metric) {
	b.taken++
	if b.besides(m) {
		return
	}
	host, _ := m.GetTag(b.hostTag)
	row, err := b.row(m, host)
	if err == nil && b.mayWrite != nil {
		err = b.mayWrite(host)
	}
	if err != nil {
		b.rejected.add(m, err)
		return
	}
	report, known := b.reports[host]
	if !known {
		b.hosts = append(b.hosts, host)
	}
	b.reports[host] = reportfile.Append(report, &row)
	b.bytes += len(b.reports[host]) - len(report)
}

// Reject takes note of a line that its reader could make no metric of.
func (b *Batch) Reject(line []byte, reason error) {
	b.taken++
	b.rejected.addLine(line, reason)
}

// Size returns how many metrics and lines the batch was given, and the bytes that it holds.
func (b *Batch) Size() (taken, bytes int) { return b.taken, b.bytes + len(b.rejected.text) }

// Store makes the batch durable, and returns how many of its metrics and lines are not rows.
// When it returns nil, every one of them is in the spool, as a row of a report or as a
// rejected metric with its reason. After an error, a batch of the same metrics can be stored:
// rows that come again are stored once.
func (b *Batch) Store() (rejected int, err error) {
	for _, host := range b.hosts {
		if err := b.sink.spool.Put(host, b.reports[host]); err != nil {
			return 0, err
		}
	}
	defer b.sink.importer.Wake() // when all is counted
	if b.rejected.total == 0 {
		return 0, nil
	}
	return b.rejected.total, b.keepRejected()
}

func (b *Batch) keepRejected() error {
	r, reports := &b.rejected, b.sink.spool
	b.sink.importer.CountRejected(r.total)
	file, kept, err := reports.Reject(time.Now(), r.text)
	if err != nil {
		return err
	}
	of, where := fmt.Sprint(b.taken, " metrics"), "see "+file
	if !kept {
		where = fmt.Sprintf("%s/rejected has %d MiB of today and keeps no more", reports.Dir(), spool.DailyLimit>>20)
	}
	if r.first != "" {
		where += "; the first: " + r.first
	}
	if b.sender != "" {
		before, due := b.sink.rejections.due(b.sender, time.Now(), r.total)
		if !due {
			return nil
		}
		of += " of " + b.sender
		if before > 0 {
			where += fmt.Sprintf("; %d more were rejected since this was last logged", before)
		}
	}
	b.sink.Log.Warnf("rejected %d of %s (%s): %s", r.total, of, r.summary(), where)
	return nil
}
