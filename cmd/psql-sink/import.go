package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/ingest"
	"telegraf-conntrack-accounting/internal/progress"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/plugins/outputs/vpn_traffic"
)

// importFiles imports report files that the command line names.
func (c *client) importFiles(o *importOptions) error {
	rejects, err := newImportRejects(o.rejected)
	if err != nil {
		return &command.Exit{Code: exitUsage, Err: err}
	}
	db, err := c.open()
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, stop := importContext()
	defer stop()
	begin := time.Now()
	j := &importJob{
		options: o, log: execd.NewLogger(c.Stderr, c.Stderr, o.debug), db: db, sink: c.sink, looks: lookReader{c.sink.FileReader()},
		rejects: rejects, stdin: c.Stdin, budget: ingest.NewBudget(),
	}
	if !o.past {
		j.retention = time.Duration(c.sink.Retention)
		j.begin = schema.Retention{Raw: j.retention}.Begin(begin)
	}
	j.run(ctx, c.Stderr)
	if err := rejects.close(); err != nil {
		j.fail(err)
	}
	if _, err := fmt.Fprintln(c.Stdout, j.summary(time.Since(begin))); err != nil {
		return &command.Exit{Code: exitFailed}
	}
	return &command.Exit{Code: j.exitCode(ctx)}
}

// interrupted is the error of an import that a signal ended.
type interrupted struct{ signal syscall.Signal }

func (i *interrupted) Error() string { return "interrupted: " + i.signal.String() }

// importContext returns a context that ends at the first SIGINT or SIGTERM. The
// second one ends the process.
func importContext() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() { // until a signal or stop
		select {
		case s := <-signals:
			signal.Stop(signals)
			number, _ := s.(syscall.Signal)
			cancel(&interrupted{number})
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// importJob is one run of import.
type importJob struct {
	options *importOptions
	log     telegraf.Logger
	db      *store.DB
	sink    *vpn_traffic.VPNTraffic // its options
	rejects *importRejects
	stdin   *os.File
	retrier ingest.Retrier
	bar     *progress.Progress
	looks   lookReader
	budget  *ingest.Budget
	counts  importCounts

	postponed sync.Map // reasons that were logged

	retention time.Duration // as configured
	begin     time.Time     // retention drops rows before it
}

// run imports all that can be imported.
func (j *importJob) run(ctx context.Context, stderr *os.File) {
	sources := j.findSources(ctx)
	if j.counts.sources = int64(len(sources)) + j.counts.filesFailed.Load(); len(sources) == 0 {
		return
	}
	if err := j.refusePast(sources); err != nil {
		j.counts.refused = true
		j.log.Error(err)
		return
	}
	j.bar = progress.Start(stderr, progress.Options{Job: "importing", Unit: progress.Bytes, Total: totalSize(sources)})
	defer j.bar.Stop()
	j.log = execd.NewLogger(j.bar, j.bar, j.options.debug)
	j.rejects.show = j.bar
	j.retrier = ingest.Retrier{DB: j.db, Limit: j.options.wait, Log: j.log}
	j.db.Parallel(j.options.jobs)
	j.db.IndexLater()
	if err := j.retrier.Open(ctx); err != nil {
		j.fail(err)
		return
	}
	j.logHost(ctx, sources)
	j.importRuns(ctx, importRuns(sources))
}

// logHost logs which host the rows of files get that name none. With another host than
// before, rows that were imported already would be counted again.
func (j *importJob) logHost(ctx context.Context, sources []importSource) {
	if !slices.ContainsFunc(sources, func(s importSource) bool { return s.silent }) {
		return
	}
	host, known := j.options.host, []string(nil)
	if err := j.retrier.Do(ctx, func(ctx context.Context) (err error) {
		known, err = j.db.Hosts(ctx)
		return err
	}); err != nil {
		return // the import will fail in the same way
	}
	switch {
	case len(known) > 0 && !slices.Contains(known, host):
		j.log.Warnf("files that name no host are imported as of host %q, of which the database has no rows, but it has of %s: "+
			"if they are of one of these, their rows may be there already and count twice; -host NAME names it", host, quoted(known))
	case host == "":
		j.log.Infof("files that name no host are imported as of host %q; -host NAME names one", host)
	default:
		j.log.Debugf("files that name no host are imported as of host %q", host)
	}
}

// quoted lists names, at most ten of them.
func quoted(names []string) string {
	const most = 10
	var list []string
	for _, name := range names[:min(most, len(names))] {
		list = append(list, strconv.Quote(name))
	}
	if more := len(names) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	return strings.Join(list, ", ")
}

// fail logs an error that makes the import fail.
func (j *importJob) fail(err error) {
	j.counts.failed.Store(true)
	j.log.Error(err)
}

// refusePast fails when files begin with rows that retention would drop.
func (j *importJob) refusePast(sources []importSource) error {
	past := 0
	for i := range sources {
		if !j.begin.IsZero() && sources[i].first < j.begin.UnixNano() {
			past++
		}
	}
	if past == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d files have rows before %s, which retention = %s drops within hours; nothing was imported: raise retention, or say -%s",
		past, len(sources), j.begin.Format(time.DateOnly), inDays(j.retention), pastRetention)
}
