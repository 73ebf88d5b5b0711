package top

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/lipgloss"
	"github.com/jedib0t/go-pretty/v6/text"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/units"
)

// linesAround are those of the screen that are no rows: the title, the total, the
// trouble, the header and the keys.
const linesAround = 5

var (
	bold    = lipgloss.NewStyle().Bold(true)
	heading = lipgloss.NewStyle().Reverse(true)
	trouble = lipgloss.NewStyle().Foreground(lipgloss.Color("1")).Bold(true)
	notable = lipgloss.NewStyle().Foreground(lipgloss.Color("3"))
	faint   = lipgloss.NewStyle().Faint(true)
)

const keys = "s source  d destination  e service  p pair  o order  space now  q quit"

// View returns what the terminal shows.
func (s *screen) View() string {
	if s.width == 0 {
		return "" // its size is not known yet
	}
	lines := s.lines(time.Now())
	room := max(s.height-1, 0) // above the keys
	lines = append(lines, make([]string, room)...)[:room]
	return strings.Join(append(lines, faint.Render(cut(keys, s.width))), "\n")
}

// Text returns the same without a terminal: all rows, in plain characters.
func (a *Answer) Text(q Question, width int) string {
	s := screen{question: q, answer: *a, width: width}
	return strings.Join(s.plain(time.Now()), "\n") + "\n"
}

// plain returns the title, the total, what is wrong, the header and rows.
func (s *screen) plain(now time.Time) []string {
	header, rows := s.answer.table(s.question.By, s.width)
	return append([]string{cut(s.title(), s.width), cut(s.total(), s.width), cut(s.wrong(now), s.width), header}, rows...)
}

// lines is plain with what stands out.
func (s *screen) lines(now time.Time) []string {
	lines := s.plain(now)
	for i, style := range []lipgloss.Style{bold, lipgloss.NewStyle(), trouble, heading} {
		lines[i] = style.Render(lines[i])
	}
	for i := range s.answer.Rows {
		style := lipgloss.NewStyle()
		switch r := &s.answer.Rows[i]; {
		case r.Both() > 10*r.Before:
			style = trouble
		case r.Both() > 3*r.Before:
			style = notable
		}
		lines[linesAround-1+i] = style.Render(lines[linesAround-1+i])
	}
	return lines
}

// title says what is shown.
func (s *screen) title() string {
	said := "Traffic by " + strings.ReplaceAll(titleOf(s.question.By), " → ", " and ")
	if order := s.question.Sort; order != "" && order != "bytes" {
		said += ", most " + order + " first"
	}
	if only := s.question.Said; only != "" {
		said += ", only " + only
	}
	return printable.Line(said)
}

// total says what all have together, and when.
func (s *screen) total() string {
	a := &s.answer
	if a.At.IsZero() {
		return ""
	}
	return fmt.Sprintf("%s  %s, %s packets/s, %s connections/s in %s", a.At.Local().Format("15:04:05"),
		units.SI(a.Total.Both(), "bit/s"), units.SI(a.Total.Packets, ""), decimal(a.Total.Connections), a.Window)
}

// wrong says why what is shown is not of now.
func (s *screen) wrong(now time.Time) string {
	a := &s.answer
	switch age := now.Sub(a.At); {
	case s.err != nil:
		return "no answer, asking again: " + printable.Line(s.err.Error())
	case len(a.Silent) > 0:
		return "no answer of shard " + printable.Line(strings.Join(a.Silent, ", "))
	case s.asking && a.At.IsZero():
		return "asking the database ..."
	case a.At.IsZero():
		return "no report in the last hour"
	case age > 2*a.Window:
		return fmt.Sprintf("no report for %s", age.Round(time.Second))
	case len(a.Rows) == 0 && !s.asking:
		return "no traffic"
	}
	return ""
}

// cut shortens a line to so many cells, or not at all if they are 0.
func cut(line string, cells int) string {
	if cells == 0 {
		return line
	}
	return text.Snip(line, cells, "…")
}
