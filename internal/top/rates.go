package top

import (
	"context"
	"strconv"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/store"
)

// Question is what to show: which traffic, by what, in which order.
type Question struct {
	store.Filter               // without a range
	By           string        // src, dst, service or pair
	Top          int           // at most so many rows
	Window       time.Duration // over which rates are, or the time between reports if that is longer
	Said         string        // what the filter is, for the title
}

// Answer is who uses the link.
type Answer struct {
	At     time.Time // of the last report, zero if there was none in the last hour
	Window time.Duration
	Total  Rate
	Rows   []Row    // the greatest first
	Silent []string // databases whose traffic is missing
}

// Rate is traffic per second.
type Rate struct{ Sent, Received, Packets, Connections float64 } // the first two in bits

// Both returns bits per second of both directions.
func (r Rate) Both() float64 { return r.Sent + r.Received }

// Row is the traffic of one of what is asked for.
type Row struct {
	Names []string // two of a pair
	Rate
	Before float64 // bits per second, both ways, in the hour before
}

// Ask queries the database.
func Ask(ctx context.Context, db *store.DB, q Question) (a Answer, err error) {
	err = db.Query(ctx, func(query *store.Query) error {
		if a.Silent, err = query.Silent(ctx); err != nil {
			return err
		}
		last, interval, err := query.LastReport(ctx, q.Host)
		if err != nil || last.IsZero() {
			return err
		}
		a.At, a.Window = last, wholeReports(q.Window, interval)
		lately := q.Filter
		lately.Until = last.Add(time.Microsecond) // the report itself is in
		lately.Since = lately.Until.Add(-a.Window)
		if a.Total, err = totalOf(ctx, query, &lately, a.Window); err != nil {
			return err
		}
		lines, err := query.Lines(ctx, &lately, q.By, q.Top)
		if err != nil {
			return err
		}
		before, err := q.before(ctx, query, lately.Since, interval, lines)
		if err != nil {
			return err
		}
		for i := range lines {
			a.Rows = append(a.Rows, Row{Names: namesOf(q.By, lines[i].Values), Rate: rateOf(&lines[i], a.Window), Before: before[q.keyOf(&lines[i])]})
		}
		return nil
	})
	return a, err
}

// wholeReports returns the shortest time of whole reports that is no shorter than a window.
func wholeReports(window, interval time.Duration) time.Duration {
	if interval <= 0 {
		return window
	}
	return (window + interval - 1) / interval * interval
}

// before returns bits per second of lines in the hour before a time, while there were
// reports.
func (q *Question) before(ctx context.Context, query *store.Query, until time.Time, interval time.Duration, lines []store.Line) (map[string]float64, error) {
	f := q.Filter
	f.Since, f.Until = until.Add(-time.Hour), until
	reports, err := query.Reports(ctx, &f)
	if err != nil || reports == 0 || len(lines) == 0 {
		return nil, err
	}
	q.narrow(&f, lines)
	earlier, err := query.Lines(ctx, &f, q.By, 0)
	rates := make(map[string]float64, len(earlier))
	for i := range earlier {
		rates[q.keyOf(&earlier[i])] = rateOf(&earlier[i], time.Duration(reports)*interval).Both()
	}
	return rates, err
}

// narrow asks only for what lines are of, or little more: an index leads to it.
func (q *Question) narrow(f *store.Filter, lines []store.Line) {
	for n, column := range store.LineColumns(q.By) {
		into := map[string]*[]string{"src": &f.Src, "dst": &f.Dst, "proto": &f.Proto, "port": &f.Port}[column]
		if into == nil {
			continue // a name
		}
		*into = nil
		for i := range lines {
			*into = append(*into, lines[i].Values[n])
		}
	}
}

// keyOf tells lines apart, whatever they were called.
func (q *Question) keyOf(line *store.Line) string {
	var key []string
	for n, column := range store.LineColumns(q.By) {
		if !strings.HasSuffix(column, "_name") {
			key = append(key, line.Values[n])
		}
	}
	return strings.Join(key, " ")
}

// namesOf returns what to show of a line.
func namesOf(by string, values []string) []string {
	named := func(address, name string) string {
		if name == "" {
			return address
		}
		return name + " (" + address + ")"
	}
	switch by {
	case "service":
		return []string{values[0] + "/" + strings.Replace(values[1], "-1", "other", 1)}
	case "pair":
		return []string{named(values[0], values[1]), named(values[2], values[3])}
	}
	return []string{named(values[0], values[1])}
}

// rateOf divides the counters of a line.
func rateOf(line *store.Line, over time.Duration) Rate {
	counter := make(map[string]float64)
	for i, column := range store.CounterColumns() {
		counter[column], _ = strconv.ParseFloat(line.Counters[i], 64) // the database writes numbers
	}
	seconds := over.Seconds()
	return Rate{
		Sent: 8 * counter["src_bytes"] / seconds, Received: 8 * counter["dst_bytes"] / seconds,
		Packets:     (counter["src_packets"] + counter["dst_packets"]) / seconds,
		Connections: counter["connection_count"] / seconds,
	}
}

func totalOf(ctx context.Context, query *store.Query, f *store.Filter, over time.Duration) (Rate, error) {
	lines, err := query.Lines(ctx, f, "total", 1)
	if err != nil || len(lines) == 0 {
		return Rate{}, err
	}
	return rateOf(&lines[0], over), nil
}
