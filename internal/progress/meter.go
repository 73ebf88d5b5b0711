package progress

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// window is over how long rates are taken: long enough to pass over the pause
// between two transactions, short enough to show that a server has slowed down.
const window = 20 * time.Second

// meter measures a job.
type meter struct {
	Options
	bytes, rows atomic.Int64

	mu      sync.Mutex
	samples []sample // of the window, in the order of time
}

type sample struct {
	at          time.Time
	bytes, rows int64
}

func newMeter(o Options, now time.Time) *meter {
	return &meter{Options: o, samples: []sample{{at: now}}}
}

func (m *meter) add(bytes, rows int64) {
	m.bytes.Add(bytes)
	m.rows.Add(rows)
}

// line is all there is to tell: "importing 43 %, 12,345,678 rows, ...".
func (m *meter) line(now time.Time) string {
	if m.Total == 0 {
		return m.Job + " " + m.tail(now)
	}
	return m.Job + " " + m.share() + ", " + m.tail(now)
}

// share is how much is read.
func (m *meter) share() string {
	if m.Total == 0 {
		return ""
	}
	return fmt.Sprintf("%d %%", min(100, int64(100*float64(m.bytes.Load())/float64(m.Total))))
}

// tail is what stands behind a bar: "12,345,678 rows, 213,000 rows/s, 34.1 MB/s,
// 1m20s left".
func (m *meter) tail(now time.Time) string {
	bytes, rows := m.rates(now)
	parts := []string{count(m.rows.Load()) + " rows", rate(rows) + " rows/s", size(bytes) + "/s"}
	if left := float64(m.Total - m.bytes.Load()); left > 0 && bytes > 0 {
		parts = append(parts, duration(left/bytes)+" left")
	}
	return strings.Join(parts, ", ")
}

// rates returns bytes and rows per second, over the window.
func (m *meter) rates(now time.Time) (bytes, rows float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	latest := sample{now, m.bytes.Load(), m.rows.Load()}
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= window {
		m.samples = m.samples[1:]
	}
	first := m.samples[0]
	m.samples = append(m.samples, latest)
	seconds := now.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0, 0
	}
	return float64(latest.bytes-first.bytes) / seconds, float64(latest.rows-first.rows) / seconds
}

// count writes a number with commas: 12,345,678.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// rate writes how many a second.
func rate(perSecond float64) string {
	if perSecond < 10 {
		return strconv.FormatFloat(perSecond, 'f', 1, 64)
	}
	return count(int64(perSecond))
}

// size writes a number of bytes: 34.1 MB.
func size(n float64) string {
	for _, unit := range [...]string{"B", "kB", "MB", "GB"} {
		if n < 1000 {
			return fmt.Sprintf("%.1f %s", n, unit)
		}
		n /= 1000
	}
	return fmt.Sprintf("%.1f TB", n)
}

// duration writes seconds, no more exactly than anybody knows.
func duration(seconds float64) string {
	const most = 1000 * time.Hour
	if seconds > most.Seconds() {
		return "more than 1000h"
	}
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Hour {
		return max(d.Round(time.Second), time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
