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

	slow       time.Duration // log gathers that take longer; 0: slowGather
	maxSilence time.Duration // log the lack of requests after this time; 0: defaultMaxSilence
}

// InputCommand describes a program that gathers once for every newline on stdin and
// every SIGHUP, SIGUSR1 and SIGUSR2, and once more at the end of stdin. With the switch
// -poll_interval it also gathers at that interval, first after one interval. All
// requests that arrive during a gather cause one more gather.
//
// If the plugin has a method SetOneShot(bool), it is called with true before Init when
// there will be one gather only: with the switch -one-shot, and under a Telegraf that was
// started with --test or --once. If the plugin has a method Delivered(), it is called
// after each gather whose metrics have been written to stdout.
func InputCommand(in Input) *command.Command { return in.command(inputKind, in.run) }

func (in Input) run(o options) int {
	if o.check {
		return in.checkOnly(o)
	}
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
		maxSilence: cmp.Or(in.maxSilence, defaultMaxSilence), out: out, acc: agent.NewAccumulator(out, nil),
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
	maxSilence time.Duration
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
	h.started(h.plugin)
	if h.oneShot {
		return h.gather()
	}
	if isTerminal(h.Stdin) {
		h.log.Info("waiting for requests to gather: press Enter to gather, Ctrl-D to end")
	}
	if err := h.serve(); err != nil {
		return err
	}
	return h.gather() // the traffic since the last request
}

// serve gathers on request until stdin ends or an interrupt arrives.
func (h *inputHost) serve() error {
	stdin := &requests{}
	if !h.alone() {
		stdin = readRequests(h.Stdin)
	}
	var ticks <-chan time.Time
	if h.pollInterval > 0 {
		ticks = time.Tick(h.pollInterval)
	}
	quiet := h.listen()
	defer quiet.timer.Stop()
	for {
		select {
		case _, more := <-stdin.asked:
			if !more {
				return stdin.err
			}
			quiet.requested()
		case <-h.requests:
			quiet.requested()
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
		return newSilence(h.log, 0) // it gathers by itself, or a user at the terminal asks
	}
	return newSilence(h.log, h.maxSilence)
}

// gather calls the plugin's Gather once. It logs the plugin's error and goes on, since
// the next gather may succeed, unless the error has a method Fatal() bool that returns
// true. It returns an error when stdout cannot be written.
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

// isFatal reports whether the plugin cannot go on after the error. The program then
// ends, and Telegraf restarts it after the configured restart_delay.
func isFatal(err error) bool {
	var f interface {
		error
		Fatal() bool
	}
	return errors.As(err, &f) && f.Fatal()
}
