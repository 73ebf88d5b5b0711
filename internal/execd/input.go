package execd

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"

	"telegraf-conntrack-accounting/internal/command"
)

// Input is a program that hosts an input plugin under inputs.execd.
type Input struct {
	Program
	New func() telegraf.Input

	slow     time.Duration // when a gather that goes on is mentioned; 0: slowGather
	patience time.Duration // before the lack of requests is said; 0: the default
}

// InputCommand gathers once for every newline on stdin and every SIGHUP, SIGUSR1 and
// SIGUSR2, with the switch -poll_interval by itself too, never at once, and once
// more at the end of stdin. What is requested while a gather goes on is one more
// gather.
//
// A plugin with a method SetOneShot(bool) is told before its Init when there
// will be one gather only: with the switch -one-shot, and under a Telegraf that
// was started with --test or --once. One with a method Delivered() is told
// after each gather when its metrics have been written to stdout.
func InputCommand(in Input) *command.Command { return in.command(inputKind, in.run) }

func (in Input) run(o options) int {
	var requests <-chan os.Signal
	if !o.oneShot {
		requests = takeRequests() // before all else: they may come at any time
	}
	plugin := in.New()
	s, code := in.open(inputKind, plugin, o)
	if s == nil {
		return code
	}
	out := newEncoder(s.Stdout, s.Name, s.log)
	h := &inputHost{
		session: s, plugin: plugin, requests: requests, interrupts: s.takeSignals(),
		patience: cmp.Or(in.patience, defaultPatience), out: out, acc: agent.NewAccumulator(out, nil),
		slow: cmp.Or(in.slow, slowGather),
	}
	if err := h.run(); err != nil {
		s.log.Error(err)
		return command.Failed
	}
	return command.Done
}

type inputHost struct {
	*session
	plugin     telegraf.Input
	requests   <-chan os.Signal
	interrupts <-chan os.Signal
	patience   time.Duration
	out        *encoder
	acc        telegraf.Accumulator
	slow       time.Duration
}

func (h *inputHost) run() error {
	if service, ok := h.plugin.(telegraf.ServiceInput); ok {
		if err := service.Start(h.acc); err != nil {
			return fmt.Errorf("starting inputs.%s: %w", h.Name, err)
		}
		defer service.Stop()
	}
	if h.oneShot {
		return h.gather()
	}
	if isTerminal(h.Stdin) {
		h.log.Info("waiting for Telegraf; on a terminal, Enter gathers and Ctrl-D ends")
	}
	if err := h.serve(); err != nil {
		return err
	}
	return h.gather() // the traffic since the last request
}

// serve gathers on request until stdin ends, or who is there to interrupt does.
func (h *inputHost) serve() error {
	stdin := &newlines{}
	if !h.alone() {
		stdin = readNewlines(h.Stdin)
	}
	ticks, stop := h.ticks()
	defer stop()
	quiet := h.listen()
	defer quiet.timer.Stop()
	for {
		select {
		case _, more := <-stdin.asked:
			if !more {
				return stdin.err
			}
			quiet.heard()
		case <-h.requests:
			quiet.heard()
		case <-ticks:
		case <-quiet.timer.C:
			quiet.tooLong()
			continue
		case <-h.interrupts:
			return nil
		}
		if err := h.gather(); err != nil {
			return err
		}
	}
}

func (h *inputHost) listen() *silence {
	if h.pollInterval > 0 || isTerminal(h.Stdin) {
		return newSilence(h.log, 0) // it gathers by itself, or its user knows
	}
	return newSilence(h.log, h.patience)
}

// gather has the plugin gather once. The plugin's own failure is logged, and the
// next gather may do better, unless the error has a method Fatal() bool that says
// otherwise; when stdout fails there is no point in going on.
func (h *inputHost) gather() error {
	defer h.watch()()
	failure := h.plugin.Gather(h.acc)
	if failure != nil && !isFatal(failure) {
		h.log.Errorf("gathering: %v", failure)
	}
	err := h.out.flush()
	if errors.Is(err, syscall.EPIPE) {
		return errors.New("nobody reads the metrics any more: Telegraf has closed the other end of stdout")
	}
	if err != nil {
		return fmt.Errorf("writing metrics to stdout: %w", err)
	}
	if d, ok := h.plugin.(interface{ Delivered() }); ok {
		d.Delivered()
	}
	if isFatal(failure) {
		return fmt.Errorf("gathering: %w", failure)
	}
	return nil
}

// isFatal reports whether a plugin cannot go on after the error: Telegraf then
// starts it again, after the restart_delay of its configuration.
func isFatal(err error) bool {
	var f interface {
		error
		Fatal() bool
	}
	return errors.As(err, &f) && f.Fatal()
}
