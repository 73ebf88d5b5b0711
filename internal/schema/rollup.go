package schema

import (
	"fmt"
	"math"
	"strings"
)

// Level is a step of time that sums are kept for.
type Level struct {
	Name      string
	Step      int64  // in microseconds; 1 for the report's own time
	Retention string // whose partitions go together
	Span      string // of a partition: day or month
	Filled    int    // how full pages are made, in percent: the rest is for merging
}

var (
	report = Level{"report", 1, "raw", "day", 100}
	minute = Level{"minute", 60e6, "minute", "day", 100}
	hour   = Level{"hour", 3600e6, "hour", "month", 50}
)

// MergedLevels are those whose tables have one row for each key, and a table that
// counts reports. At the level of reports a late part adds rows of its own.
var MergedLevels = [...]Level{minute, hour}

// Merged reports whether later reports are merged into the rows that are there.
func (l *Level) Merged() bool { return l.Step > 1 }

// Begin is the SQL for where the step begins that a row's time is in.
func (l *Level) Begin() string {
	if !l.Merged() {
		return "time"
	}
	return fmt.Sprintf("date_bin('1 %s', time, '2000-01-01 00:00:00+00')", l.Name)
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
	{"vpn_traffic_hour_by_src", []string{"src", "proto", "port"}, hour, "vpn_traffic_minute_by_src"},
	{"vpn_traffic_hour_by_dst", []string{"dst", "proto", "port"}, hour, "vpn_traffic_minute_by_dst"},
	{"vpn_traffic_hour_by_port", []string{"proto", "port"}, hour, "vpn_traffic_minute_by_port"},
	{"vpn_traffic_hour_by_pair", []string{"src", "dst"}, hour, ""},
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
	if r.Level.Name != hour.Name && (column == "connection_count" || column == "open_connections") {
		return math.MaxInt32
	}
	return math.MaxInt64
}
