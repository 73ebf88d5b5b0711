package summary

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// charted is a summary of reports at minutes after noon, over a range of ten
// hours.
func charted(step, interval time.Duration, minutes ...int) *Summary {
	s := &Summary{
		Filter: store.Filter{Since: noon, Until: noon.Add(10 * time.Hour)}, Interval: interval,
		Total: store.Total{Name: "total", Sums: store.Sums{SrcBytes: 1}},
	}
	for _, minute := range minutes {
		at := noon.Add(time.Duration(minute) * time.Minute)
		sums := store.Sums{SrcBytes: step.Seconds() / 8, DstBytes: step.Seconds() / 4} // 1 and 2 bit/s
		s.Traffic = append(s.Traffic, store.Point{Time: at, Step: step, Sums: sums})
		s.BySource = append(s.BySource, store.Point{Time: at, Step: step, Name: "a", Sums: sums}, store.Point{Time: at, Step: step, Name: others})
	}
	return s
}

// What is right of something else was later, and by as much as it is further.
func TestLinesBreakOverOutages(t *testing.T) {
	c := charted(time.Hour, time.Minute, 0, 60, 300).throughput()
	require.Equal(t, []gap{{20, 30}, {60, 40}}, c.Gaps)
	require.Equal(t, "M0.0 500.0L50.0 500.0L150.0 500.0L200.0 500.0"+"M500.0 500.0L550.0 500.0L600.0 500.0", c.Lines[0].Edge, "one step alone is a level line")
	require.Equal(t, "M500.0 0.0L550.0 0.0L600.0 0.0L600.0 1000.0L550.0 1000.0L500.0 1000.0Z", c.Lines[1].Area[strings.Index(c.Lines[1].Area, "Z")+1:])
	require.Equal(t, []mark{{0, "0 bit/s", ""}, {50, "1 bit/s", ""}, {100, "2 bit/s", ""}}, c.Values)

	for _, test := range []struct {
		step, interval time.Duration
		minutes        []int
		runs           int
	}{
		{5 * time.Minute, time.Minute, []int{0, 5, 10}, 1},
		{5 * time.Minute, time.Minute, []int{0, 5, 15}, 2},
		{5 * time.Minute, 5 * time.Minute, []int{0, 5, 15}, 1}, // a report was a bit late
		{5 * time.Minute, 5 * time.Minute, []int{0, 5, 20}, 2},
		{5 * time.Minute, 0, []int{0, 5, 15}, 2},
	} {
		require.Equal(t, test.runs, strings.Count(charted(test.step, test.interval, test.minutes...).sources().Lines[0].Edge, "M"), test)
	}
	s := charted(time.Hour, time.Minute, 0, 60, 120, 180, 240, 300, 360, 420, 480)
	require.Empty(t, s.throughput().Gaps, "the last step is not over")
}

func TestFirstMinutes(t *testing.T) {
	s := charted(time.Minute, 15*time.Second, 598)
	require.Contains(t, s.throughput().Note, "; 1m of data so far, from "+stamp(noon.Add(598*time.Minute))+" on")
	require.NotEmpty(t, s.throughput().Lines[0].Edge)
	require.NotContains(t, charted(time.Hour, 0, 0, 60).throughput().Note, "so far")
	var page strings.Builder
	require.NoError(t, charted(time.Minute, 0).HTML(&page))
	require.Contains(t, page.String(), "No chart over time yet: each of its steps would be of 5m or more, and the first one with reports is not over. A later -since makes shorter steps.")
	require.NotContains(t, page.String(), "<path")
}

func TestTimeMarks(t *testing.T) {
	local := time.Local
	defer func() { time.Local = local }()
	var err error
	time.Local, err = time.LoadLocation("Europe/Vienna")
	require.NoError(t, err)
	for _, test := range []struct {
		since string
		long  time.Duration
		want  string
	}{
		{"2026-03-02 06:10", 15 * time.Hour, "08:00 10:00 12:00 14:00 16:00 18:00 20:00"},
		{"2026-03-02 06:00", time.Hour, "06:00 06:10 06:20 06:30 06:40 06:50"},
		{"2026-03-02 06:00", 20 * time.Second, "06:00:00 06:00:05 06:00:10 06:00:15"},
		{"2026-03-02 18:00", 12 * time.Hour, "18:00 2 Mar, 20:00, 22:00, 00:00 3 Mar, 02:00, 04:00"},
		{"2026-03-02 18:00", 91 * time.Hour, "00:00 3 Mar, 12:00, 00:00 4 Mar, 12:00, 00:00 5 Mar, 12:00, 00:00 6 Mar, 12:00"},
		{"2026-03-28 00:00", 71 * time.Hour, "00:00 28 Mar, 12:00, 00:00 29 Mar, 12:00, 00:00 30 Mar, 12:00"},
		{"2026-03-02 18:00", 7 * 24 * time.Hour, "3 Mar, 4 Mar, 5 Mar, 6 Mar, 7 Mar, 8 Mar, 9 Mar"},
		{"2026-12-20 00:00", 20 * 24 * time.Hour, "20 Dec 2026, 23 Dec 2026, 26 Dec 2026, 29 Dec 2026, 1 Jan 2027, 4 Jan 2027, 7 Jan 2027"},
		{"2026-01-20 00:00", 330 * 24 * time.Hour, "1 Mar, 1 May, 1 Jul, 1 Sep, 1 Nov"},
		{"2020-01-20 00:00", 6 * 365 * 24 * time.Hour, "1 Jan 2021, 1 Jan 2022, 1 Jan 2023, 1 Jan 2024, 1 Jan 2025, 1 Jan 2026"},
	} {
		since, err := time.ParseInLocation("2006-01-02 15:04", test.since, time.Local)
		require.NoError(t, err)
		var got []string
		dated := strings.Contains(test.want, ",")
		last := -1.0
		for _, m := range timeMarks(since, since.Add(test.long)) {
			require.Greater(t, m.At, last)
			last = m.At
			got = append(got, strings.TrimSpace(m.Text+" "+m.Date))
		}
		require.Less(t, last, 100.0)
		separator := map[bool]string{true: ", ", false: " "}[dated]
		require.Equal(t, test.want, strings.Join(got, separator), "%s, %v", test.since, test.long)
	}
}

func TestValueMarks(t *testing.T) {
	for highest, want := range map[float64]string{
		0: "1: 0 bit/s", 1: "1: 0 bit/s, 1 bit/s",
		310e6: "4e+08: 0 bit/s, 100 Mbit/s, 200 Mbit/s, 300 Mbit/s, 400 Mbit/s", 5000: "5000: 0 bit/s, 1.00 kbit/s, 2.00 kbit/s, 3.00 kbit/s, 4.00 kbit/s, 5.00 kbit/s",
	} {
		marks, top := valueMarks(highest)
		var texts []string
		for _, m := range marks {
			texts = append(texts, m.Text)
		}
		require.Equal(t, want, fmt.Sprintf("%g: %s", top, strings.Join(texts, ", ")))
	}
}

// The bars are all of the traffic, whatever is left out of the table.
func TestBars(t *testing.T) {
	s := charted(time.Hour, 0)
	s.Total.SrcBytes = 200
	for n := range 12 {
		s.Services = append(s.Services, store.Total{Name: fmt.Sprintf("tcp/%d", n), Sums: store.Sums{SrcBytes: float64(20 - n)}})
	}
	bars, sum := s.services(), 0.0
	for _, b := range bars {
		sum += b.Share
	}
	require.Len(t, bars, linesOfChart+1)
	require.Equal(t, "all others", bars[linesOfChart].Name)
	require.InDelta(t, 100, sum, 1e-9)
}
