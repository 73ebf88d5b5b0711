package execd

import (
	"errors"
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/lines"
)

const (
	loggedRejects  = 10 // bad lines of a batch that are logged one by one
	loggedLineText = 80 // bytes of each that are logged
)

// rejecter is a plugin that counts lines that are not line protocol.
type rejecter interface {
	Rejected(line []byte, reason error)
}

var errCutOff = errors.New("cut off by the end of stdin")

// pending reports whether input waits to be delivered.
func (h *outputHost) pending() bool { return h.size() > 0 || h.lines.Undecided() }

// size counts the lines of the batch.
func (h *outputHost) size() int { return len(h.batch) + h.rejected }

// take decodes the complete entries, and delivers each batch that is full or has
// waited for batchAge. With giveUp, an open string is taken for complete.
func (h *outputHost) take(giveUp bool) error {
	now := time.Now()
	for {
		e, ok := h.lines.Next(giveUp)
		if !ok {
			break
		}
		if h.size() == 0 {
			h.began = now
		}
		h.takeEntry(e, now)
		h.lines.Consume()
		if h.size() >= batchLines {
			if err := h.deliver(); err != nil {
				return err
			}
		}
	}
	if h.size() > 0 && now.Sub(h.began) >= batchAge {
		return h.deliver()
	}
	return nil
}

func (h *outputHost) takeEntry(e lines.Entry, now time.Time) {
	if e.Err != nil {
		h.reject(e.Text, e.Err)
		return
	}
	m, err := lines.Decode(e.Text, now)
	switch {
	case err != nil:
		h.reject(e.Text, err)
	case m != nil:
		h.batch = append(h.batch, m)
	}
}

// deliver hands the batch to the plugin.
func (h *outputHost) deliver() error {
	if more := h.rejected - loggedRejects; more > 0 {
		h.log.Errorf("rejected %d more lines, after the %d above", more, loggedRejects)
	}
	_, counts := h.plugin.(rejecter)
	counts = counts && h.rejected > 0
	h.rejected = 0
	if len(h.batch) == 0 && !counts {
		return nil
	}
	if err := h.plugin.Write(h.batch); err != nil {
		return fmt.Errorf("writing %d metrics: %w", len(h.batch), err)
	}
	clear(h.batch)
	h.batch = h.batch[:0]
	h.askAccepting()
	return nil
}

// reject passes a bad line to the plugin, and logs it unless the batch had
// loggedRejects of them already.
func (h *outputHost) reject(line []byte, err error) {
	h.rejected++
	if plugin, ok := h.plugin.(rejecter); ok {
		plugin.Rejected(line, err)
	}
	if h.rejected > loggedRejects {
		return
	}
	text, dots := line, ""
	if len(text) > loggedLineText {
		text, dots = text[:loggedLineText], "..."
	}
	h.log.Errorf("rejected line %d: %v: %q%s", h.lines.Line(), err, text, dots)
}

// askAccepting asks the plugin whether it accepts more metrics.
func (h *outputHost) askAccepting() {
	a, ok := h.plugin.(interface{ Accepting() error })
	if !ok || h.refusal != nil {
		return
	}
	if h.refusal = a.Accepting(); h.refusal != nil {
		h.refused = time.Now()
	}
}
