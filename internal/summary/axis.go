package summary

import (
	"math"
	"slices"
	"time"
)

// valueMarks returns round values from 0 up to at least highest, and the last of them.
func valueMarks(highest float64) (marks []mark, top float64) {
	if highest <= 0 {
		return []mark{{0, bitRate(0), ""}}, 1
	}
	unit := max(1, math.Pow(10, math.Floor(math.Log10(highest/4))))
	for _, n := range []float64{1, 2, 5, 10} {
		if step := n * unit; highest <= 5*step {
			top = math.Ceil(highest/step) * step
			for i := 0.0; i*step <= top*1.001; i++ {
				marks = append(marks, mark{100 * i * step / top, bitRate(i * step), ""})
			}
			break
		}
	}
	return marks, top
}

// marksOfTime is how many time labels a chart has room for.
const marksOfTime = 9

// timeMarks returns round times of the local clock. If the range spans several days,
// the first mark of each day has the date.
func timeMarks(since, until time.Time) (marks []mark) {
	since, until = since.Local(), until.Local()
	list, clock := roundTimes(since, until)
	date := "2 Jan"
	if since.Year() != until.Add(-1).Year() {
		date = "2 Jan 2006"
	}
	last := ""
	if until.Add(-1).Format(date) == since.Format(date) {
		last = since.Format(date) // stands above all charts
	}
	for _, at := range list {
		m := mark{At: 100 * float64(at.Sub(since)) / float64(until.Sub(since))}
		if clock != "" {
			m.Text = at.Format(clock)
		}
		if day := at.Format(date); day != last {
			m.Date, last = day, day
		}
		marks = append(marks, m)
	}
	return marks
}

// roundTimes returns times a round number of seconds, hours, days or months apart, and
// their layout, "" if all are midnights.
func roundTimes(since, until time.Time) (list []time.Time, clock string) {
	const minute, hour = 60, 3600
	for _, seconds := range []int{1, 2, 5, 10, 15, 30, minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour} {
		clock = "15:04"
		if seconds < minute {
			clock = "15:04:05"
		}
		if until.Sub(since) > marksOfTime*time.Duration(seconds)*time.Second {
			continue
		}
		return timesApart(since, until, 0, 0, seconds), clock
	}
	for _, days := range []int{1, 2, 3, 7, 14} {
		if list := timesApart(since, until, 0, days, 0); len(list) <= marksOfTime {
			return list, ""
		}
	}
	for _, months := range []int{1, 2, 3, 6, 12, 24, 60, 120, 600} {
		if list = timesApart(since, until, months, 0, 0); len(list) <= marksOfTime {
			break
		}
	}
	return list, ""
}

// timesApart counts in local time, from midnight of the day, or from the start of the
// year, in which the range begins.
func timesApart(since, until time.Time, months, days, seconds int) (list []time.Time) {
	year, month, day := since.Date()
	if months > 0 {
		month, day = 1, 1
	}
	for n := 0; ; n++ {
		at := time.Date(year, month+time.Month(n*months), day+n*days, 0, 0, n*seconds, 0, since.Location())
		if !at.Before(until) {
			return slices.Compact(list)
		}
		if !at.Before(since) {
			list = append(list, at)
		}
	}
}
