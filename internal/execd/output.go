package execd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/lines"
)

const (
	batchLines = 10_000                 // a batch is delivered when it has as many lines
	idleAfter  = 100 * time.Millisecond // or when nothing came for as long
	batchAge   = time.Second            // or when its first line waited for as long
	refuseTime = 2 * time.Second        // for what Telegraf has written already
	textTime   = 5 * time.Second        // for the end of a string, when nothing comes
)

// Output is a program that hosts an output plugin under outputs.execd with
// data_format = "influx" and use_batch_format = true.
type Output struct {
	Program
	New func() telegraf.Output
}

// OutputCommand describes a program that reads line protocol from stdin until it ends,
// and passes it to the plugin's Write in batches.
//
// Telegraf considers metrics delivered as soon as they are in the pipe. So Write must
// return only when its metrics are safe. Nothing is read during a Write, so later
// metrics stay in Telegraf's own buffer. A failed Write ends the process: the failed
// batch and the content of the pipe are lost, and Telegraf keeps the rest until it has
// restarted the process.
//
// A plugin that may refuse metrics has a method Accepting() error, which is called
// after Connect and after each Write. Once it returns an error, the program reads until
// the pipe is empty, for two seconds at most, passes on what it read, and ends. The
// plugin must have room for that much.
//
// A line that cannot be decoded is logged and left out. A plugin that counts such lines
// has a method Rejected(line []byte, reason error). It is called for each such line
// before the Write of the batch, and must copy the line to keep it. That Write follows
// even if the batch has no metrics.
func OutputCommand(out Output) *command.Command { return out.command(outputKind, out.run) }

func (out Output) run(o options) int {
	plugin := out.New()
	s, code := out.open(outputKind, plugin, o)
	if s == nil {
		return code
	}
	// Telegraf reloads itself at SIGHUP; a terminal that is gone ends stdin.
	signal.Ignore(syscall.SIGHUP)
	h := &outputHost{session: s, plugin: plugin, interrupts: s.takeSignals(), lines: lines.NewSplitter()}
	return h.run()
}

type outputHost struct {
	*session
	plugin     telegraf.Output
	interrupts <-chan os.Signal
	lines      *lines.Splitter

	batch     []telegraf.Metric
	began     time.Time // when the batch got its first line
	rejected  int       // how many of its lines were bad
	lastInput time.Time

	refusal error     // why the plugin accepts no more
	refused time.Time // since when
}

func (h *outputHost) run() int {
	if err := h.plugin.Connect(); err != nil {
		h.log.Errorf("connecting outputs.%s: %v", h.Name, err)
		return command.Failed
	}
	h.started(h.plugin)
	h.askAccepting()
	code := command.Done
	if err := h.serve(); err != nil {
		h.log.Error(err)
		code = command.Failed
	}
	// From now on Telegraf's writes must fail, not fill a pipe.
	_ = h.Stdin.Close()
	if err := h.plugin.Close(); err != nil {
		h.log.Errorf("closing outputs.%s: %v", h.Name, err)
		code = command.Failed
	}
	return code
}

// serve reads and delivers until stdin ends, or until something fails.
func (h *outputHost) serve() error {
	chunk := make([]byte, pipeSize)
	for {
		ready, err := readable(h.Stdin, h.inputTimeout())
		switch {
		case err != nil:
			return fmt.Errorf("waiting for stdin: %w", err)
		case h.interrupted():
			return h.finish(io.EOF)
		case h.refusal != nil && time.Since(h.refused) > refuseTime:
			return errors.Join(h.take(true), h.deliver(), h.refusal)
		case ready:
			n, readErr := h.Stdin.Read(chunk)
			h.lines.Add(chunk[:n])
			h.lastInput = time.Now()
			if err := h.take(false); err != nil {
				return err
			}
			if readErr != nil {
				return h.finish(readErr)
			}
		case h.pending():
			if err := h.deliverPending(); err != nil {
				return err
			}
		case h.refusal != nil:
			return h.refusal
		}
	}
}

// inputTimeout returns how long to wait for input: without limit, unless a batch waits to
// be delivered or the user of a terminal may interrupt.
func (h *outputHost) inputTimeout() time.Duration {
	switch {
	case h.refusal != nil:
		return 0
	case h.pending() || isTerminal(h.Stdin):
		return idleAfter
	}
	return -1
}

func (h *outputHost) interrupted() bool {
	select {
	case <-h.interrupts:
		return true
	default:
		return false
	}
}

// deliverPending delivers what has been read so far. An open string holds up the lines after
// it, which may belong to the string, but no longer than textTime.
func (h *outputHost) deliverPending() error {
	if err := h.take(time.Since(h.lastInput) > textTime); err != nil {
		return err
	}
	return h.deliver()
}

// finish delivers all that is left when stdin has ended with readErr.
func (h *outputHost) finish(readErr error) error {
	if err := h.take(true); err != nil {
		return err
	}
	if rest := bytes.TrimSpace(h.lines.Rest()); len(rest) > 0 {
		// Its last number may be cut short, and decode all the same.
		h.reject(rest, errCutOff)
	}
	if err := h.deliver(); err != nil {
		return err
	}
	if !errors.Is(readErr, io.EOF) {
		return fmt.Errorf("reading stdin: %w", readErr)
	}
	return nil
}
