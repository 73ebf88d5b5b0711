package summary

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
)

// Days and months are those of the clock on the wall, which leaps twice a year,
// and in places at midnight.
func TestPeriodsOfTheCalendar(t *testing.T) {
	local := time.Local
	defer func() { time.Local = local }()
	for _, test := range []struct {
		zone, each, since, until string
		want                     []string // when the parts begin
	}{
		{"UTC", "", "2026-01-31 10:00", "2026-03-02 00:00", []string{"01-31 10:00"}},
		{"UTC", "month", "2026-01-31 10:00", "2026-03-02 00:00", []string{"01-31 10:00", "02-01 00:00", "03-01 00:00"}},
		{"UTC", "month", "2026-01-01 00:00", "2026-02-01 00:00", []string{"01-01 00:00"}},
		{"UTC", "day", "2026-12-31 23:59", "2027-01-01 00:01", []string{"12-31 23:59", "01-01 00:00"}},
		{"Europe/Vienna", "day", "2026-03-28 12:00", "2026-03-31 00:00", []string{"03-28 12:00", "03-29 00:00", "03-30 00:00"}},
		{"Europe/Vienna", "hour", "2026-10-25 01:00", "2026-10-25 04:00", []string{"10-25 01:00", "10-25 02:00", "10-25 02:00", "10-25 03:00"}},
		{"America/Sao_Paulo", "day", "2018-11-03 00:00", "2018-11-05 12:00", []string{"11-03 00:00", "11-04 01:00", "11-05 00:00"}},
		{"Asia/Kolkata", "hour", "2026-01-01 00:00", "2026-01-01 02:00", []string{"01-01 00:00", "01-01 00:30", "01-01 01:30"}},
	} {
		zone, err := time.LoadLocation(test.zone)
		require.NoError(t, err)
		time.Local = zone
		at := func(text string) time.Time {
			moment, err := time.ParseInLocation("2006-01-02 15:04", text, zone)
			require.NoError(t, err)
			return moment
		}
		q := store.Filter{Since: at(test.since), Until: at(test.until)}
		var begins []string
		next := q.Since
		for _, part := range (Lines{Each: test.each}).periods(q) {
			require.True(t, part.Since.Equal(next), "parts follow each other")
			begins, next = append(begins, part.Since.Local().Format("01-02 15:04")), part.Until
		}
		require.True(t, next.Equal(q.Until))
		require.Equal(t, test.want, begins, "%s %s", test.zone, test.each)
	}
}
