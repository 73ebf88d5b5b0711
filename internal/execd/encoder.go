package execd

import (
	"bufio"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/influxdata/telegraf"
)

// encoder turns metrics into line protocol as they arrive. It replaces Telegraf's own
// metric maker behind an accumulator: that one filters and renames metrics, this one
// encodes all of them into a buffer.
type encoder struct {
	name string
	log  telegraf.Logger

	to   *watchedWriter
	mu   sync.Mutex // plugins may add metrics from any goroutine
	w    *bufio.Writer
	line lineprotocol.Encoder
}

func newEncoder(w io.Writer, name string, log telegraf.Logger) *encoder {
	to := &watchedWriter{w: w}
	return &encoder{name: name, log: log, to: to, w: bufio.NewWriterSize(to, 64<<10)}
}

// writing reports whether a write is waiting for the reader of stdout.
func (e *encoder) writing() bool { return e.to.busy.Load() }

// watchedWriter knows whether a write is in progress.
type watchedWriter struct {
	w    io.Writer
	busy atomic.Bool
}

func (t *watchedWriter) Write(b []byte) (int, error) {
	t.busy.Store(true)
	defer t.busy.Store(false)
	return t.w.Write(b)
}

func (e *encoder) LogName() string      { return inputKind + "." + e.name }
func (e *encoder) Log() telegraf.Logger { return e.log }

// MakeMetric encodes m. It returns nil, so the accumulator passes nothing on.
func (e *encoder) MakeMetric(m telegraf.Metric) telegraf.Metric {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.encode(m); err != nil {
		e.log.Errorf("dropping a metric that line protocol cannot express: %v", err)
		m.Reject()
		return nil
	}
	// A bufio.Writer remembers a failed write; flush returns it.
	_, _ = e.w.Write(e.line.Bytes())
	m.Accept()
	return nil
}

// encode leaves out what Telegraf's serializer leaves out: empty tag values,
// and floats that are not finite.
func (e *encoder) encode(m telegraf.Metric) error {
	e.line.Reset()
	e.line.StartLine(m.Name())
	for _, tag := range m.TagList() {
		if tag.Value != "" {
			e.line.AddTag(tag.Key, tag.Value)
		}
	}
	for _, field := range m.FieldList() {
		if value, ok := lineprotocol.NewValue(field.Value); ok {
			e.line.AddField(field.Key, value)
		}
	}
	e.line.EndLine(m.Time())
	if err := e.line.Err(); err != nil {
		return fmt.Errorf("metric %q: %w", m.Name(), err)
	}
	return nil
}

// flush writes out what is buffered.
func (e *encoder) flush() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.w.Flush()
}
