package schema

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Level is a step of time that sums are kept for.
type Level struct {
	Name      string
	Step      int64  // in microseconds; 1 for the report's own time, 0 where it varies
	Retention string // whose partitions go together
	Span      string // of a partition: day or month
	Filled    int    // how full pages are made, in percent: the rest is for merging
}

var (
	report = Level{"report", 1, "raw", "day", 100}
	minute = Level{"minute", 60e6, "minute", "day", 100}
	hour   = Level{"hour", 3600e6, "hour", "month", 50}

	// Of the sums that no import keeps, nothing is merged.
	everyHour  = Level{"hour", 3600e6, "hour", "month", 100}
	quarterDay = Level{"quarter_day", 6 * 3600e6, "hour", "month", 100}
	day        = Level{"day", 24 * 3600e6, "hour", "month", 100}
	thirdMonth = Level{"third_month", 0, "hour", "month", 100}
	month      = Level{"month", 0, "hour", "month", 100}
	quarter    = Level{"quarter", 0, "hour", "month", 100}
)

// MergedLevels are those whose tables have one row for each key, and a table that
// counts reports. At the level of reports a late part adds rows of its own.
var MergedLevels = [...]Level{minute, hour}

// Merged reports whether later reports are merged into the rows that are there.
func (l *Level) Merged() bool { return l.Step != report.Step }

// Begin is the SQL for where the step begins that a row's time is in.
func (l *Level) Begin() string {
	switch l.Name {
	case report.Name:
		return "time"
	case minute.Name, hour.Name:
		return fmt.Sprintf("date_bin('1 %s', time, '2000-01-01 00:00:00+00')", l.Name)
	default:
		return fmt.Sprintf("vpn_traffic_begin('%s', time)", l.Name)
	}
}

// Rollup is a table of sums of vpn_traffic. Its key is time, host and Columns.
type Rollup struct {
	Name    string
	Columns []string
	Level   Level
	Finer   string // the rollup that it is added up from; "" for the rows themselves
}

// Rollups are all of them, in the order in which every import writes them: the finer
// first. A new one takes a line here and a migration that makes its table; a test
// compares the two.
var Rollups = [...]Rollup{
	{"vpn_traffic_by_src", []string{"src", "proto", "port"}, report, ""},
	{"vpn_traffic_by_dst", []string{"dst", "proto", "port"}, report, ""},
	{"vpn_traffic_by_port", []string{"proto", "port"}, report, "vpn_traffic_by_src"},
	{"vpn_traffic_minute_by_src", []string{"src", "proto", "port"}, minute, "vpn_traffic_by_src"},
	{"vpn_traffic_minute_by_dst", []string{"dst", "proto", "port"}, minute, "vpn_traffic_by_dst"},
	{"vpn_traffic_minute_by_port", []string{"proto", "port"}, minute, "vpn_traffic_by_port"},
	{"vpn_traffic_minute_total_by_src", []string{"src"}, minute, "vpn_traffic_minute_by_src"},
	{"vpn_traffic_minute_total_by_dst", []string{"dst"}, minute, "vpn_traffic_minute_by_dst"},
	{"vpn_traffic_hour_by_src", []string{"src", "proto", "port"}, hour, "vpn_traffic_minute_by_src"},
	{"vpn_traffic_hour_by_dst", []string{"dst", "proto", "port"}, hour, "vpn_traffic_minute_by_dst"},
	{"vpn_traffic_hour_by_port", []string{"proto", "port"}, hour, "vpn_traffic_minute_by_port"},
	{"vpn_traffic_hour_by_pair", []string{"src", "dst"}, hour, ""},
}

// Summary is a rollup that no import keeps. SumUp makes it of a finer one, for whole units
// that are over.
type Summary struct {
	Rollup
	Unit string
}

// Summaries are all of them. A new one takes a line here and a migration, like a rollup.
var Summaries = [...]Summary{
	{Rollup{"vpn_traffic_hour_total_by_src", []string{"src"}, everyHour, "vpn_traffic_hour_by_src"}, "day"},
	{Rollup{"vpn_traffic_hour_total_by_dst", []string{"dst"}, everyHour, "vpn_traffic_hour_by_dst"}, "day"},
	{Rollup{"vpn_traffic_day_total_by_src", []string{"src"}, day, "vpn_traffic_hour_by_src"}, "day"},
	{Rollup{"vpn_traffic_day_total_by_dst", []string{"dst"}, day, "vpn_traffic_hour_by_dst"}, "day"},
	{Rollup{"vpn_traffic_day_by_src", []string{"src", "proto", "port"}, day, "vpn_traffic_hour_by_src"}, "day"},
	{Rollup{"vpn_traffic_day_by_dst", []string{"dst", "proto", "port"}, day, "vpn_traffic_hour_by_dst"}, "day"},
	{Rollup{"vpn_traffic_day_by_port", []string{"proto", "port"}, day, "vpn_traffic_hour_by_port"}, "day"},
	{Rollup{"vpn_traffic_quarter_day_by_pair", []string{"src", "dst"}, quarterDay, "vpn_traffic_hour_by_pair"}, "quarter_day"},
	{Rollup{"vpn_traffic_day_by_pair", []string{"src", "dst"}, day, "vpn_traffic_quarter_day_by_pair"}, "day"},
	{Rollup{"vpn_traffic_third_month_by_pair", []string{"src", "dst"}, thirdMonth, "vpn_traffic_day_by_pair"}, "third_month"},
	{Rollup{"vpn_traffic_month_by_pair", []string{"src", "dst"}, month, "vpn_traffic_third_month_by_pair"}, "month"},
	{Rollup{"vpn_traffic_quarter_by_pair", []string{"src", "dst"}, quarter, "vpn_traffic_month_by_pair"}, "quarter"},
}

// Around returns the begin and the end of the time, of one unit or of the units of a day,
// that a day is in.
func (s *Summary) Around(at time.Time) (first, next time.Time) {
	ofMonth := func(day int) time.Time { return time.Date(at.Year(), at.Month(), day, 0, 0, 0, 0, time.UTC) }
	switch {
	case s.Level == quarter:
		first := time.Date(at.Year(), (at.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
		return first, first.AddDate(0, 3, 0)
	case s.Level == month:
		return ofMonth(1), ofMonth(1).AddDate(0, 1, 0)
	case s.Level == thirdMonth && at.Day() > 20:
		return ofMonth(21), ofMonth(1).AddDate(0, 1, 0)
	case s.Level == thirdMonth:
		first := (at.Day()-1)/10*10 + 1
		return ofMonth(first), ofMonth(first + 10)
	default:
		return ofMonth(at.Day()), ofMonth(at.Day() + 1)
	}
}

// SumColumns are the columns of sums, of vpn_traffic and of every rollup.
var SumColumns = [...]string{
	"src_packets", "src_bytes", "dst_packets", "dst_bytes", "connection_times", "connection_count", "open_connections",
}

// Key returns the columns of the key with a comma between them.
func (r *Rollup) Key() string { return "time, host, " + strings.Join(r.Columns, ", ") }

// Limit is the largest number of a column of sums. Those of connections have 32
// bits below the hour, which only rows add up to that no gateway has made.
func (r *Rollup) Limit(column string) int64 {
	if (r.Level == report || r.Level == minute) && (column == "connection_count" || column == "open_connections") {
		return math.MaxInt32
	}
	return math.MaxInt64
}
