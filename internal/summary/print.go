package summary

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
)

const noTraffic = "no traffic in this range"

// Print writes the tables as text, at most width cells wide; 0 means no limit.
func (s *Summary) Print(w io.Writer, width int) error {
	var out strings.Builder
	say := func(format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		if width > 0 {
			line = text.WrapSoft(line, width)
		}
		for part := range strings.SplitSeq(line, "\n") {
			out.WriteString(strings.TrimRight(part, " ") + "\n")
		}
	}
	say("Traffic from %s to %s", stamp(s.Filter.Since), stamp(s.Filter.Until))
	if chosen := Chosen(&s.Filter); chosen != "" {
		say("Only %s", chosen)
	}
	if s.Total.Name == "" {
		say("")
		say(noTraffic)
		_, err := io.WriteString(w, out.String())
		return err
	}
	t := s.Total.Sums
	say("%s: %s sent, %s received, %s packets, %s connections closed after %s on average",
		octets(t.SrcBytes+t.DstBytes), octets(t.SrcBytes), octets(t.DstBytes), count(t.SrcPackets+t.DstPackets), count(t.ConnectionCount), lifetime(t))
	for _, note := range s.Notes {
		say("Note: %s", note)
	}
	least := len(s.numbers())
	for _, part := range s.tables() {
		table, shown := part.fit(s, width)
		out.WriteString("\n" + part.Title + "\n" + table + "\n")
		least = min(least, shown)
	}
	if missing := s.missing(least); missing != "" {
		say("")
		say("Of %d columns there is no room for: %s", width, missing)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// part is a table of the summary.
type part struct {
	Title string
	Names []string // of its first columns
	Rows  []row
}

type row struct {
	Names []string
	store.Sums
}

// tables returns the tables to print. Names are made printable here, since other
// programs may have written control characters into the database.
func (s *Summary) tables() []part {
	named := func(title, name string, list []store.Total) part {
		p := part{Title: title, Names: []string{name}}
		for _, total := range list {
			p.Rows = append(p.Rows, row{[]string{printable.Line(total.Name)}, total.Sums})
		}
		return p
	}
	by := ""
	if sort := s.Filter.Sort; sort != "" && sort != "bytes" {
		by = " by " + strings.Replace(sort, "open", "open connections", 1)
	}
	pairs := part{Title: "Top pairs" + by, Names: []string{"source", "destination"}}
	if s.WholeHours {
		pairs.Title += " (of whole hours)"
	}
	for _, pair := range s.Pairs {
		pairs.Rows = append(pairs.Rows, row{[]string{printable.Line(pair.SrcName), printable.Line(pair.DstName)}, pair.Sums})
	}
	return []part{
		named("Top sources"+by, "source", s.Sources), named("Top destinations"+by, "destination", s.Destinations),
		pairs, named("Top ports"+by, "port", s.Services),
	}
}

// Chosen returns the lists of a filter as text.
func Chosen(f *store.Filter) string {
	var said []string
	for _, filter := range []struct {
		name   string
		values []string
	}{
		{"source", f.Src},
		{"destination", f.Dst},
		{"protocol", f.Proto},
		{"port", f.Port},
		{"gateway", f.Host},
	} {
		if len(filter.values) > 0 {
			said = append(said, filter.name+" "+printable.Line(enumerated(filter.values)))
		}
	}
	return strings.Join(said, "; ")
}

// enumerated joins the first values of a list, and counts the others.
func enumerated(list []string) string {
	const most = 6
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(list[:most-1], ", "), len(list)-most+1)
}

func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }
