package execd

import (
	"time"

	"github.com/influxdata/telegraf"
)

// defaultMaxSilence is how long to wait for a request before logging that none came.
const defaultMaxSilence = 2 * time.Minute

// silence logs once that no requests to gather arrive, and again when one does. It
// waits three times as long as the last gap between two requests, so a long but regular
// interval is not reported.
type silence struct {
	log   telegraf.Logger
	least time.Duration // to wait; 0: without limit

	last   time.Time // of the last request, or the start
	warned bool
	timer  *time.Timer
}

func newSilence(log telegraf.Logger, least time.Duration) *silence {
	s := &silence{log: log, least: least, last: time.Now(), timer: time.NewTimer(least)}
	if least == 0 {
		s.timer.Stop()
	}
	return s
}

func (s *silence) tooLong() {
	s.warned = true
	s.log.Warnf(`no request to gather for %v: nothing is accounted until one comes; set signal = "STDIN" in [[inputs.execd]], or with signal = "none" add "-poll_interval", "15s" to its command`,
		time.Since(s.last).Round(time.Second))
}

// requested takes note of a request, before it is served.
func (s *silence) requested() {
	gap := time.Since(s.last)
	if s.warned {
		s.log.Infof("a gather was requested after %v without a request: it accounts everything sent meanwhile", gap.Round(time.Second))
	}
	s.warned, s.last = false, time.Now()
	if s.least > 0 {
		s.timer.Reset(max(s.least, 3*gap))
	}
}
