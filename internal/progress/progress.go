// Package progress tells a user how far a job is that stores rows from files: by a
// bar on a terminal, by plain lines at intervals elsewhere. Both tell the share that is
// read, the rows, the rates and the time left. It never says anything about the outcome:
// that is the caller's last word, after Stop.
package progress

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8/cwriter"
)

// Options say what is told.
type Options struct {
	Job   string        // what is being done, such as "importing"
	Total int64         // bytes to read; 0 where nobody knows
	Every time.Duration // between plain lines; 0 is 10 seconds
}

// Progress is a job's. Its methods may be called at once.
type Progress struct {
	out   io.Writer
	meter *meter
	bar   *bar // nil where there is no terminal

	stop    chan struct{} // closed by Stop: ends the plain lines
	stopped sync.WaitGroup
	once    sync.Once
}

// Start begins to tell. Call Stop in the end.
func Start(out *os.File, o Options) *Progress {
	p := &Progress{out: out, meter: newMeter(o, time.Now()), stop: make(chan struct{})}
	if isTerminal(out) {
		p.bar = newBar(out, o, p.meter)
		return p
	}
	every := o.Every
	if every == 0 {
		every = 10 * time.Second
	}
	p.stopped.Go(func() { p.tellEvery(every) }) // until Stop
	return p
}

// Add takes note of what was read and stored.
func (p *Progress) Add(bytes, rows int64) {
	p.meter.add(bytes, rows)
	if p.bar != nil {
		p.bar.set(p.meter.bytes.Load())
	}
}

// Write writes lines of another kind, warnings for example, without harm to a
// bar.
func (p *Progress) Write(lines []byte) (int, error) {
	if p.bar != nil {
		if n, err := p.bar.Write(lines); err == nil {
			return n, nil
		}
	}
	return p.out.Write(lines)
}

// Stop ends the telling: the bar is gone and nothing is written any more. It
// may be called again.
func (p *Progress) Stop() {
	p.once.Do(func() {
		close(p.stop)
		p.stopped.Wait()
		if p.bar != nil {
			p.bar.remove()
		}
	})
}

func (p *Progress) tellEvery(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-ticker.C:
			_, _ = io.WriteString(p.out, p.meter.line(now)+"\n")
		}
	}
}

// isTerminal reports whether out is a terminal that can move its cursor.
func isTerminal(out *os.File) bool {
	return os.Getenv("TERM") != "dumb" && cwriter.IsTerminal(int(out.Fd()))
}
