package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/ingest"
)

// importFiles imports report files that the command line names.
func (c *client) importFiles(j *ingest.Job, o *importOptions) (err error) {
	if j.DB, err = c.open(); err != nil {
		return err
	}
	defer func() { _ = j.DB.Close() }()
	ctx, stop := importContext()
	defer stop()
	j.Metrics, j.Stdin, j.Stderr = c.sink.Converter(), c.Stdin, c.Stderr
	j.Logger = func(out io.Writer) telegraf.Logger { return execd.NewLogger(out, out, o.debug) }
	if !o.past {
		j.Retention = time.Duration(c.sink.Retention)
	}
	begin := time.Now()
	if err := j.Run(ctx); err != nil {
		return &command.Exit{Code: exitUsage, Err: err}
	}
	if _, err := fmt.Fprintln(c.Stdout, j.Summary(time.Since(begin))); err != nil {
		return &command.Exit{Code: exitFailed}
	}
	return &command.Exit{Code: exitCode(ctx, j.Outcome())}
}

func exitCode(ctx context.Context, outcome ingest.Outcome) int {
	if i, ok := errors.AsType[*interrupted](context.Cause(ctx)); ok {
		return exitSignal + int(i.signal)
	}
	return map[ingest.Outcome]int{ingest.Failed: exitFailed, ingest.Rejected: exitRejected, ingest.Past: exitPast}[outcome]
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
