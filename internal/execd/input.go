package execd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
)

// interruptPoll is how soon a key or a signal is noticed on a terminal.
const interruptPoll = 100 * time.Millisecond

// Input is a program that hosts an input plugin under inputs.execd with
// signal = "STDIN".
type Input struct {
	Program
	New func() telegraf.Input

	slow time.Duration // when a gather that goes on is mentioned; 0: slowGather
}

// RunInput gathers once for every newline on stdin, never before one, and once
// more at the end of stdin. Newlines that came while a gather was going on are
// one request. It returns the process's exit code.
//
// A plugin with a method SetOneShot(bool) is told before its Init when there
// will be one gather only: with the flag -one-shot, and under a Telegraf that
// was started with --test or --once. One with a method Delivered() is told
// after each gather when its metrics have been written to stdout.
func RunInput(in Input) int {
	plugin := in.New()
	s, code := in.open(inputKind, plugin)
	if s == nil {
		closeDrained(in.Stdout, in.Stderr)
		return code
	}
	interrupts, release := s.takeSignals()
	defer release()
	defer closeDrained(s.Stdout, s.Stderr)

	out := newEncoder(s.Stdout, s.Name, s.log)
	h := &inputHost{session: s, plugin: plugin, interrupts: interrupts, out: out, acc: agent.NewAccumulator(out, nil)}
	h.slow = cmp.Or(in.slow, slowGather)
	if err := h.run(); err != nil {
		s.log.Error(err)
		return exitError
	}
	return exitOK
}

type inputHost struct {
	*session
	plugin     telegraf.Input
	interrupts <-chan os.Signal
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
	return h.gather() // the traffic since Telegraf's last newline
}

// serve gathers for each request until stdin ends or, on a terminal, the user
// interrupts.
func (h *inputHost) serve() error {
	requests := newRequests(h.Stdin)
	terminal := isTerminal(h.Stdin)
	for {
		if terminal {
			if ready, err := h.typed(); err != nil || !ready {
				return err
			}
		}
		asked, err := requests.read()
		if asked {
			if err := h.gather(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading stdin: %w", err)
		}
	}
}

// typed waits for input from a terminal; it returns false after an interrupt.
func (h *inputHost) typed() (bool, error) {
	for {
		select {
		case <-h.interrupts:
			return false, nil
		default:
		}
		if ready, err := readable(h.Stdin, interruptPoll); ready || err != nil {
			return ready, err
		}
	}
}

// gather has the plugin gather once. The plugin's own failure is logged, and
// the next gather may do better; when stdout fails there is no point in going
// on.
func (h *inputHost) gather() error {
	defer h.watch()()
	if err := h.plugin.Gather(h.acc); err != nil {
		h.log.Errorf("gathering: %v", err)
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
	return nil
}
