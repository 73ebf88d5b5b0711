package progress

import (
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// bar is the last line of a terminal.
type bar struct {
	*mpb.Progress // which writes other lines above the bar
	bar           *mpb.Bar
}

func newBar(out *os.File, o Options, m *meter) *bar {
	container := mpb.New(mpb.WithOutput(out), mpb.WithRefreshRate(200*time.Millisecond))
	var filler mpb.BarFillerBuilder = mpb.BarStyle()
	if o.Total == 0 {
		filler = mpb.NopStyle()
	}
	text := func(of func(time.Time) string) decor.Decorator {
		return decor.Any(func(decor.Statistics) string { return of(time.Now()) })
	}
	b := container.MustAdd(0, filler.Build(), // 0: it is not over when all the work is done, but at Stop
		mpb.PrependDecorators(text(func(time.Time) string { return m.Job + " " + m.share() })),
		mpb.AppendDecorators(text(m.tail)))
	b.SetTotal(o.Total, false)
	return &bar{container, b}
}

func (b *bar) set(work int64) { b.bar.SetCurrent(work) }

// remove takes the bar away, and writes what is still to be written.
func (b *bar) remove() {
	b.bar.Abort(true)
	b.Wait()
}
