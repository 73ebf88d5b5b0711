package summary

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/trafficdb"
)

const noTraffic = "no traffic in this range"

// Print writes the tables as text.
func (s *Summary) Print(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "Traffic from %s to %s\n", stamp(s.Question.Since), stamp(s.Question.Until))
	if chosen := s.chosen(); chosen != "" {
		fmt.Fprintf(&out, "Only %s\n", chosen)
	}
	if s.Total.Name == "" {
		fmt.Fprintf(&out, "\n%s\n", noTraffic)
		_, err := io.WriteString(w, out.String())
		return err
	}
	t := s.Total.Sums
	fmt.Fprintf(&out, "%s: %s requested, %s in response, %s packets, %s connections closed after %s on average\n",
		octets(t.SrcBytes+t.DstBytes), octets(t.SrcBytes), octets(t.DstBytes), count(t.SrcPackets+t.DstPackets), count(t.ConnectionCount), lifetime(t))
	for _, part := range s.tables() {
		fmt.Fprintf(&out, "\n%s\n%s\n", part.Title, part.text(s))
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
	trafficdb.Sums
}

// tables are what is to be told. Names are made fit for a terminal here: the
// database may hold what other programs wrote into it.
func (s *Summary) tables() []part {
	named := func(title, name string, list []trafficdb.Total) part {
		p := part{Title: title, Names: []string{name}}
		for _, total := range list {
			p.Rows = append(p.Rows, row{[]string{printable.Line(total.Name)}, total.Sums})
		}
		return p
	}
	by := ""
	if sort := s.Question.Sort; sort != "" && sort != "bytes" {
		by = " by " + strings.Replace(sort, "open", "open connections", 1)
	}
	pairs := part{Title: "Top pairs" + by, Names: []string{"source", "destination"}}
	if s.wholeHours() {
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

// numbers are the columns after the names.
var numbers = []string{"traffic", "share", "requests", "responses", "packets", "connections", "lifetime"}

func (s *Summary) cells(of trafficdb.Sums) []string {
	return []string{
		octets(of.SrcBytes + of.DstBytes), fmt.Sprintf("%.1f %%", s.share(of)), octets(of.SrcBytes), octets(of.DstBytes),
		count(of.SrcPackets + of.DstPackets), count(of.ConnectionCount), lifetime(of),
	}
}

func (p *part) text(s *Summary) string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(cellsOf(p.Names, numbers))
	var columns []table.ColumnConfig
	for i := range numbers {
		columns = append(columns, table.ColumnConfig{Number: len(p.Names) + i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	for _, row := range p.Rows {
		t.AppendRow(cellsOf(row.Names, s.cells(row.Sums)))
	}
	return t.Render()
}

func cellsOf(lists ...[]string) (cells table.Row) {
	for _, list := range lists {
		for _, cell := range list {
			cells = append(cells, cell)
		}
	}
	return cells
}

// chosen says which values the traffic is of.
func (s *Summary) chosen() string {
	var said []string
	for _, filter := range []struct {
		name   string
		values []string
	}{
		{"source", s.Question.Src},
		{"destination", s.Question.Dst},
		{"protocol", s.Question.Proto},
		{"port", s.Question.Port},
		{"gateway", s.Question.Host},
	} {
		if len(filter.values) > 0 {
			said = append(said, filter.name+" "+printable.Line(strings.Join(filter.values, ", ")))
		}
	}
	return strings.Join(said, "; ")
}

func stamp(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }
