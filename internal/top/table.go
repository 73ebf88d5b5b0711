package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/units"
)

// column is one of numbers, right-aligned.
type column struct {
	name  string
	cells int
	need  int // columns with a greater one go first where there is no room
	value func(a *Answer, r *Row) string
}

var columns = []column{
	{"traffic", 11, 0, func(_ *Answer, r *Row) string { return units.SI(r.Both(), "bit/s") }},
	{"× hour", 7, 1, func(_ *Answer, r *Row) string { return timesOf(r) }},
	{"share", 6, 3, func(a *Answer, r *Row) string { return percent(r.Both(), a.Total.Both()) }},
	{"sent", 11, 4, func(_ *Answer, r *Row) string { return units.SI(r.Sent, "bit/s") }},
	{"received", 11, 5, func(_ *Answer, r *Row) string { return units.SI(r.Received, "bit/s") }},
	{"conn/s", 7, 2, func(_ *Answer, r *Row) string { return decimal(r.Connections) }},
	{"packets/s", 9, 6, func(_ *Answer, r *Row) string { return units.SI(r.Packets, "") }},
}

// leastName is how many cells a name has before a column goes: an IPv6 address fits.
const leastName = 24

// table returns the header and rows, each exactly so many cells wide, or as wide as they
// are if width is 0.
func (a *Answer) table(by string, width int) (header string, rows []string) {
	shown := fitting(width)
	name := max(width-cellsOf(shown), 1)
	if width == 0 {
		name = text.StringWidth(titleOf(by))
		for i := range a.Rows {
			name = max(name, text.StringWidth(whole(a.Rows[i].Names)))
		}
		width = name + cellsOf(shown)
	}
	line := func(first string, cell func(column) string) string {
		parts := []string{text.Pad(first, name, ' ')}
		for _, c := range shown {
			parts = append(parts, text.AlignRight.Apply(cell(c), c.cells))
		}
		return text.Trim(strings.Join(parts, " "), width)
	}
	header = line(text.Trim(titleOf(by), name), func(c column) string { return c.name })
	for i := range a.Rows {
		r := &a.Rows[i]
		rows = append(rows, line(label(r.Names, name), func(c column) string { return c.value(a, r) }))
	}
	return header, rows
}

// fitting returns the columns that there is room for, in their order.
func fitting(width int) []column {
	shown := slices.Clone(columns)
	for width > 0 && len(shown) > 1 && width-cellsOf(shown) < leastName {
		least := slices.MaxFunc(shown, func(a, b column) int { return cmp.Compare(a.need, b.need) })
		shown = slices.DeleteFunc(shown, func(c column) bool { return c.name == least.name })
	}
	return shown
}

// cellsOf returns how many cells columns have, each with a space before it.
func cellsOf(columns []column) (sum int) {
	for _, c := range columns {
		sum += 1 + c.cells
	}
	return sum
}

const arrow = " → "

// whole returns names in full length.
func whole(names []string) string { return printable.Line(strings.Join(names, arrow)) }

// label returns names in so many cells. Two share the room.
func label(names []string, cells int) string {
	if all := whole(names); text.StringWidth(all) <= cells || len(names) < 2 {
		return text.Snip(all, cells, "…")
	}
	first, second := printable.Line(names[0]), printable.Line(names[1])
	half := max((cells-text.StringWidth(arrow))/2, 1)
	if free := half - text.StringWidth(second); free > 0 {
		half += free
	}
	first = text.Snip(first, half, "…")
	return first + arrow + text.Snip(second, max(cells-text.StringWidth(first)-text.StringWidth(arrow), 1), "…")
}

// timesOf says how many times as much as in the hour before it is.
func timesOf(r *Row) string {
	switch {
	case r.Before > 0:
		return decimal(r.Both() / r.Before)
	case r.Both() > 0:
		return "new"
	}
	return "-"
}

// decimal writes small numbers with one decimal.
func decimal(n float64) string {
	if n < 99.95 {
		return fmt.Sprintf("%.1f", n)
	}
	return units.SI(n, "")
}

func percent(part, all float64) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100*part/all)
}
