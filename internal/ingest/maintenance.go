package ingest

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/spool"
	"telegraf-conntrack-accounting/internal/store"
)

const (
	saveEvery   = 10 * time.Second // the row of sink_status, and indexes
	retainEvery = time.Hour
	sumUpFor    = 3 * time.Second // at a time: reports wait meanwhile
)

// maintenance keeps the database in order beside the imports: partitions of the days
// to come, retention, and what the sink says of itself. Nothing that goes wrong
// here keeps reports from being imported.
type maintenance struct {
	log      telegraf.Logger
	db       *store.DB
	spool    *spool.Spool
	counters *counters
	keep     schema.Retention
	sink     string
	started  time.Time

	saved, retained time.Time       // when that was last tried
	unsummed        bool            // days are left to sum up
	troubles        map[string]bool // are logged
	reported        reported
}

// sinkName names a sink among all that write to one database.
func sinkName(spool string) string {
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown"
	}
	return machine + ":" + spool
}

// maintain does what is due beside the imports, for as long as one of them may take.
func (im *Importer) maintain(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, im.options.Patience)
	defer cancel()
	im.maintenance.do(limited)
	im.pulse.beat()
}

// do does what is due. The schema must be there.
func (m *maintenance) do(ctx context.Context) {
	now := time.Now()
	if now.Sub(m.retained) >= retainEvery {
		m.retained = now
		m.retain(ctx, now)
		m.unsummed = true
	}
	if now.Sub(m.saved) >= saveEvery {
		m.saved = now
		m.logTrouble(ctx, "cannot keep up the database", errors.Join(m.db.SaveStatus(ctx, m.status()), m.db.Summarize(ctx)))
		if m.unsummed {
			left, err := m.db.SumUp(ctx, sumUpFor)
			m.unsummed = left
			m.logTrouble(ctx, "cannot sum up days, so questions about months take longer", err)
		}
	}
}

func (m *maintenance) retain(ctx context.Context, now time.Time) {
	done, err := m.db.Retain(ctx, now, m.keep)
	if len(done.Dropped) > 0 {
		m.log.Infof("dropped %d partitions that are older than their retention, %s the first; those of %d days and months follow in the next hours",
			len(done.Dropped), done.Dropped[0], done.Due)
	}
	if len(done.Postponed) > 0 {
		m.log.Infof("%d partitions are older than their retention but are being read, %s the first; trying again in %v",
			len(done.Postponed), done.Postponed[0], retainEvery)
	}
	if done.Withheld > 0 && m.reported.first("withheld") {
		m.log.Warn(schema.Withheld(done.Withheld).Text())
	}
	for _, kept := range done.Kept {
		if m.reported.first("kept " + kept.Partition) {
			m.log.Warnf("cannot drop %s, which is older than its retention: %v", kept.Partition, kept.Err)
		}
	}
	m.logTrouble(ctx, "cannot keep to the retention", err)
}

// logTrouble logs a trouble once until it is over. It leaves to the Retrier what the
// imports meet too: that the server is away, or its disk full. What was broken off
// because we end does not count.
func (m *maintenance) logTrouble(ctx context.Context, what string, err error) {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
	case err == nil:
		delete(m.troubles, what)
	case !m.troubles[what] && !pgconn.IsUnreachable(err) && !pgconn.IsDiskFull(err):
		m.troubles[what] = true
		m.log.Warnf("%s: %v", what, err)
	}
}

// finish says that the sink has nothing more to do.
func (m *maintenance) finish(ctx context.Context) {
	m.logTrouble(ctx, "cannot keep up the database", m.db.SaveStatus(ctx, m.status()))
}

func (m *maintenance) status() store.Status {
	c, waiting := m.counters, m.spool.Stats()
	s := store.Status{
		Sink: m.sink, Started: m.started,
		Rows: c.inserted.Load(), Duplicates: c.duplicates.Load(), Expired: c.expired.Load(),
		Rejected: c.rejected.Load(), Reports: c.reports.Load(),
		SpoolFiles: waiting.Waiting.Files, SpoolBytes: waiting.Waiting.Bytes, SpoolOldest: waiting.Oldest,
		PerReport: time.Duration(c.perReport.Load()),
	}
	if at := c.lastCommit.Load(); at != 0 {
		s.LastCommit = time.Unix(0, at)
	}
	return s
}
