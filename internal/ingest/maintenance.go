package ingest

import (
	"context"
	"errors"
	"os"
	"time"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/spool"
	"telegraf-conntrack-accounting/internal/store"
)

const (
	saveEvery   = 10 * time.Second // the row of sink_status, and indexes
	retainEvery = time.Hour
)

// upkeep keeps the database in order beside the imports: partitions of the days
// to come, retention, and what the sink says of itself. Nothing that goes wrong
// here keeps reports from being imported.
type upkeep struct {
	log      Logger
	db       *store.DB
	spool    *spool.Spool
	counters *counters
	keep     schema.Retention
	sink     string
	started  time.Time

	saved, retained time.Time       // when that was last tried
	troubles        map[string]bool // are told
	told            told
}

// sinkName names a sink among all that write to one database.
func sinkName(spool string) string {
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown"
	}
	return machine + ":" + spool
}

// do does what is due. The schema must be there.
func (u *upkeep) do(ctx context.Context) {
	now := time.Now()
	if now.Sub(u.retained) >= retainEvery {
		u.retained = now
		u.retain(ctx, now)
	}
	if now.Sub(u.saved) >= saveEvery {
		u.saved = now
		u.tell(ctx, "cannot keep up the database", errors.Join(u.db.SaveStatus(ctx, u.status()), u.db.Summarize(ctx)))
	}
}

func (u *upkeep) retain(ctx context.Context, now time.Time) {
	done, err := u.db.Retain(ctx, now, u.keep)
	if len(done.Dropped) > 0 {
		u.log.Infof("dropped %d partitions that are older than their retention, %s the first; %d days and months are left for the next hours",
			len(done.Dropped), done.Dropped[0], done.Due)
	}
	if len(done.Postponed) > 0 {
		u.log.Infof("%d partitions are older than their retention but are being read, %s the first; trying again in %v",
			len(done.Postponed), done.Postponed[0], retainEvery)
	}
	if done.Withheld > 0 && u.told.first("withheld") {
		u.log.Warnf("%d partitions are older than their retention and stay, for the owner of the tables does not let this role drop them: "+
			"have it run \"psql-sink migrate\" with the same -retention, -retention-minute and -retention-hour", done.Withheld)
	}
	for _, kept := range done.Kept {
		if u.told.first("kept " + kept.Partition) {
			u.log.Warnf("%s is older than its retention and stays, for it cannot be dropped: %v", kept.Partition, kept.Err)
		}
	}
	u.tell(ctx, "cannot keep to the retention", err)
}

// tell tells a trouble once until it is over, unless the importer meets it too and
// tells: that the server is away, or its disk full. What our end has broken off is
// none.
func (u *upkeep) tell(ctx context.Context, what string, err error) {
	switch {
	case ctx.Err() != nil:
	case err == nil:
		delete(u.troubles, what)
	case !u.troubles[what] && !pgconn.IsUnreachable(err) && !pgconn.IsDiskFull(err):
		u.troubles[what] = true
		u.log.Warnf("%s: %v", what, err)
	}
}

// finish says that the sink has nothing more to do.
func (u *upkeep) finish(ctx context.Context) {
	u.tell(ctx, "cannot keep up the database", u.db.SaveStatus(ctx, u.status()))
}

func (u *upkeep) status() store.Status {
	c, waiting := u.counters, u.spool.Stats()
	s := store.Status{
		Sink: u.sink, Started: u.started,
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
