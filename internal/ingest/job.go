package ingest

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/progress"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
)

// Job imports files that somebody names: it is psql-sink import.
type Job struct {
	DB        *store.DB
	Files     []string // their paths, folders, or - for standard input
	Host      string   // of what names none
	Parallel  int      // files at once
	Days      int      // see Files
	Wait      time.Duration
	Retention time.Duration // rows that it would drop are not imported; 0 for all
	Rejected  string        // the file to write rejected lines to; "" for none
	Metrics   Metrics
	Stdin     *os.File
	Stderr    *os.File                            // shows progress
	Logger    func(out io.Writer) telegraf.Logger // makes one that writes to out

	log      telegraf.Logger
	rejects  *rejects
	retrier  Retrier
	bar      *progress.Progress
	looks    *FileReader // looks into files before they are imported
	budget   *Budget
	counts   jobCounts
	reported reported
	begin    time.Time // retention drops rows before it
}

// Run imports all that can be imported. Its errors are logged, but for one of
// Rejected, with which it does not begin.
func (j *Job) Run(ctx context.Context) (err error) {
	if j.rejects, err = newRejects(j.Rejected); err != nil {
		return err
	}
	j.log, j.looks, j.budget = j.Logger(j.Stderr), NewFileReader(j.Metrics), NewBudget()
	j.begin = schema.Retention{Raw: j.Retention}.Begin(time.Now())
	j.run(ctx)
	if err := j.rejects.close(); err != nil {
		j.fail(err)
	}
	return nil
}

func (j *Job) run(ctx context.Context) {
	sources := j.findSources(ctx)
	if j.counts.sources = int64(len(sources)) + j.counts.filesFailed.Load(); len(sources) == 0 {
		return
	}
	if err := j.refusePast(sources); err != nil {
		j.counts.refused = true
		j.log.Error(err)
		return
	}
	j.bar = progress.Start(j.Stderr, progress.Options{Job: "importing", Total: totalSize(sources)})
	defer j.bar.Stop()
	j.log = j.Logger(j.bar)
	j.rejects.show = j.bar
	j.retrier = Retrier{DB: j.DB, Limit: j.Wait, Log: j.log}
	j.DB.IndexLater()
	if err := j.retrier.Do(ctx, j.DB.Migrate); err != nil {
		j.fail(err)
		return
	}
	j.logHost(ctx, sources)
	j.importRuns(ctx, runsOf(sources))
}

// logHost logs which host the rows of files get that name none. With another host than
// before, rows that were imported already would be counted again.
func (j *Job) logHost(ctx context.Context, sources []source) {
	if !slices.ContainsFunc(sources, func(s source) bool { return s.silent }) {
		return
	}
	host, known := j.Host, []string(nil)
	if err := j.retrier.Do(ctx, func(ctx context.Context) (err error) {
		known, err = j.DB.Hosts(ctx)
		return err
	}); err != nil {
		return // the import will fail in the same way
	}
	switch {
	case len(known) > 0 && !slices.Contains(known, host):
		for i, name := range known {
			known[i] = strconv.Quote(name)
		}
		j.log.Warnf("files that name no host are imported as host %q, which the database has no rows of, but it has rows of %s: "+
			"if the files belong to one of these, their rows may be stored already and count twice; -host NAME names it", host, enumerate(known))
	case host == "":
		j.log.Infof("files that name no host are imported as host %q; -host NAME names one", host)
	default:
		j.log.Debugf("files that name no host are imported as host %q", host)
	}
}

// fail logs an error that makes the import fail.
func (j *Job) fail(err error) {
	j.counts.failed.Store(true)
	j.log.Error(err)
}

// refusePast fails when files begin with rows that retention would drop.
func (j *Job) refusePast(sources []source) error {
	past := 0
	for i := range sources {
		if !j.begin.IsZero() && sources[i].first < j.begin.UnixNano() {
			past++
		}
	}
	if past == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d files have rows before %s, which retention = %s drops within hours; nothing was imported: raise retention, or say -past-retention",
		past, len(sources), j.begin.Format(time.DateOnly), schema.InDays(j.Retention))
}
