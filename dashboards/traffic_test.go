package main

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// Known traffic: two gateways over four hours across midnight in UTC, a report
// every 15 s, with ten minutes in which one of them was silent. Only the first
// tracks open connections.
var (
	begin = time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)
	end   = begin.Add(lasts)
)

const (
	pace       = 15 * time.Second
	lasts      = 4 * time.Hour
	quietAfter = 95 * time.Minute
)

type known map[string][]reportfile.Row // by host

func knownTraffic() known { return trafficFrom(begin) }

func trafficFrom(begin time.Time) known {
	end, quiet := begin.Add(lasts), begin.Add(quietAfter)
	services := []struct {
		proto string
		port  int32
	}{{"tcp", 443}, {"udp", 53}, {"tcp", -1}, {"icmp", -1}}
	all := known{}
	for h, host := range []string{"gw1", "gw2"} {
		for n := range int(end.Sub(begin) / pace) {
			at := begin.Add(time.Duration(n) * pace)
			if h == 1 && !at.Before(quiet) && at.Before(quiet.Add(10*time.Minute)) {
				continue
			}
			for s := range 12 {
				service := services[(s+n)%4]
				if s > 0 && (n+s)%3 == 0 {
					continue // not every series is in every report
				}
				size := int64((s+1)*1000 + n%7*10 + h)
				row := reportfile.Row{
					Time: at.UnixNano(), Proto: service.proto, Port: service.port,
					Src: fmt.Sprintf("10.32.%d.0", s), Dst: fmt.Sprintf("10.33.%d.0", (s+n)%3),
					SrcPackets: size / 100, SrcBytes: size, DstPackets: size / 50, DstBytes: 3 * size,
				}
				if service.proto == "tcp" {
					row.ConnectionCount, row.ConnectionTimes = int64(1+n%2), size*7
				}
				if h == 0 {
					row.HasOpen, row.OpenConnections = true, int64(s+n%5)
				}
				all[host] = append(all[host], row)
			}
		}
	}
	return all
}

// sums are what a step or a range holds of a name.
type sums struct {
	srcPackets, srcBytes, dstPackets, dstBytes, count, times float64
	open                                                     map[string]float64 // by host, summed over reports
}

func (s *sums) add(host string, row *reportfile.Row) {
	s.srcPackets += float64(row.SrcPackets)
	s.srcBytes += float64(row.SrcBytes)
	s.dstPackets += float64(row.DstPackets)
	s.dstBytes += float64(row.DstBytes)
	s.count += float64(row.ConnectionCount)
	s.times += float64(row.ConnectionTimes)
	if row.HasOpen {
		if s.open == nil {
			s.open = map[string]float64{}
		}
		s.open[host] += float64(row.OpenConnections)
	}
}

// step is the truth about a step of time.
type step struct {
	names   map[string]*sums
	tracked map[string]map[int64]bool // reports with open connections, by host
}

// truth sums up rows by step and name, which name and keep choose.
func (k known) truth(from, to time.Time, width time.Duration, keep func(host string, row *reportfile.Row) bool, name func(host string, row *reportfile.Row) string) map[time.Time]*step {
	found := map[time.Time]*step{}
	for host, rows := range k {
		for i := range rows {
			row := &rows[i]
			at := time.Unix(0, row.Time).UTC()
			if at.Before(from) || !at.Before(to) {
				continue
			}
			at = at.Truncate(width)
			s := found[at]
			if s == nil {
				s = &step{names: map[string]*sums{}, tracked: map[string]map[int64]bool{}}
				found[at] = s
			}
			if row.HasOpen {
				if s.tracked[host] == nil {
					s.tracked[host] = map[int64]bool{}
				}
				s.tracked[host][row.Time] = true
			}
			if keep == nil || keep(host, row) {
				n := name(host, row)
				if s.names[n] == nil {
					s.names[n] = &sums{}
				}
				s.names[n].add(host, row)
			}
		}
	}
	return found
}

// averageOpen is the average over a step's reports.
func (s *step) averageOpen(name string) float64 {
	average := 0.0
	if of := s.names[name]; of != nil {
		for host, sum := range of.open {
			average += sum / float64(len(s.tracked[host]))
		}
	}
	return average
}

// top returns the names with the greatest values over all steps.
func top(found map[time.Time]*step, n int, value func(*step, string) float64) map[string]bool {
	totals := map[string]float64{}
	for _, s := range found {
		for name := range s.names {
			totals[name] += value(s, name)
		}
	}
	var names []string
	for name := range totals {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a, b)) })
	shown := map[string]bool{}
	for _, name := range names[:min(n, len(names))] {
		shown[name] = true
	}
	return shown
}

func total(string, *reportfile.Row) string { return "total" }

func bySrc(_ string, row *reportfile.Row) string { return row.Src }

func byDst(_ string, row *reportfile.Row) string { return row.Dst }

func byService(_ string, row *reportfile.Row) string {
	if row.Port == -1 {
		return row.Proto + "/other"
	}
	return fmt.Sprintf("%s/%d", row.Proto, row.Port)
}
