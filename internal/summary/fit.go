package summary

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"telegraf-conntrack-accounting/internal/store"
)

// numbers returns the columns after the names.
func (s *Summary) numbers() []string {
	list := []string{"traffic", "share", "sent", "received", "packets", "connections", "lifetime"}
	if s.Filter.Sort == "open" {
		list = append(list, "open")
	}
	return list
}

func (s *Summary) cells(of store.Sums) []string {
	list := []string{
		octets(of.SrcBytes + of.DstBytes), fmt.Sprintf("%.1f %%", s.share(of)), octets(of.SrcBytes), octets(of.DstBytes),
		count(of.SrcPackets + of.DstPackets), count(of.ConnectionCount), lifetime(of),
	}
	if s.Filter.Sort == "open" {
		open := "-"
		if of.OpenConnections != nil {
			open = count(*of.OpenConnections)
		}
		list = append(list, open)
	}
	return list
}

// lessNeeded returns the columns to leave out first when there is no room. The column
// that rows are sorted by stays.
func (s *Summary) lessNeeded() []string {
	list := []string{"lifetime", "packets", "received", "sent", "connections", "share"}
	return slices.DeleteFunc(list, func(name string) bool { return name == s.Filter.Sort })
}

// missing returns the columns that are left out when so many are shown.
func (s *Summary) missing(shown int) string {
	gone := s.lessNeeded()[:len(s.numbers())-shown]
	slices.Reverse(gone)
	return strings.Join(gone, ", ")
}

// The least width of names in cells: while columns can still be left out, and when
// none can.
const (
	cellsOfName = 28
	cellsAtLast = 12
)

// fit returns the table, at most so many cells wide, and how many columns of
// numbers it shows. Addresses are never cut: two that do not fit side by side stand
// one below the other.
func (p *part) fit(s *Summary, width int) (lines string, shown int) {
	all := len(s.numbers())
	if lines = p.text(s, all, 0, false); width == 0 || text.LongestLineLen(lines) <= width {
		return lines, all
	}
	least := all - len(s.lessNeeded())
	for _, below := range []bool{false, true} {
		for shown = all; shown >= least; shown-- {
			if lines = p.text(s, shown, cellsOfName, below); text.LongestLineLen(lines) <= width {
				return lines, shown
			}
		}
	}
	return p.text(s, least, cellsAtLast, true), least
}

// text returns the table with so many columns of numbers, and names of so many cells (0:
// any number).
func (p *part) text(s *Summary, shown, cells int, below bool) string {
	gone := s.lessNeeded()[:len(s.numbers())-shown]
	chosen := func(list []string) (kept []string) {
		for i, name := range s.numbers() {
			if !slices.Contains(gone, name) {
				kept = append(kept, list[i])
			}
		}
		return kept
	}
	named := func(names []string) []string {
		if cells > 0 {
			names = shortAll(names, cells)
		}
		if below {
			names = []string{strings.Join(names, "\n→ ")}
		}
		return names
	}
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	header := named(p.Names)
	t.AppendHeader(cellsOf(header, chosen(s.numbers())))
	var columns []table.ColumnConfig
	for i := range shown {
		columns = append(columns, table.ColumnConfig{Number: len(header) + i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	for _, row := range p.Rows {
		t.AppendRow(cellsOf(named(row.Names), chosen(s.cells(row.Sums))))
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
