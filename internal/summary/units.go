package summary

import (
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/units"
)

func octets(n float64) string { return units.SI(n, "B") }

func count(n float64) string { return units.SI(n, "") }

func bitRate(n float64) string { return units.SI(n, "bit/s") }

// lifetime returns the average lifetime of closed connections, "-" if none closed.
func lifetime(s store.Sums) string {
	if s.ConnectionCount == 0 {
		return "-"
	}
	d := time.Duration(s.ConnectionTimes / s.ConnectionCount * float64(time.Millisecond))
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// span returns a duration to the second, without trailing zeros: 2h, 1m30s.
func span(d time.Duration) string {
	text := d.Round(time.Second).String()
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}

// share returns the part of all traffic, in percent.
func (s *Summary) share(of store.Sums) float64 {
	if s.Both() == 0 {
		return 0
	}
	return 100 * (of.SrcBytes + of.DstBytes) / s.Both()
}

// Both returns all traffic in both directions.
func (s *Summary) Both() float64 { return s.Total.SrcBytes + s.Total.DstBytes }
