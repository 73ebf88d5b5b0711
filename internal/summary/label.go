package summary

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"telegraf-conntrack-accounting/internal/printable"
)

// short cuts the name in a label, such as "team one (10.32.1.0)", until the label is at
// most so many cells wide; an East Asian letter takes two cells. The address stays
// whole, so that two labels cannot become the same.
func short(label string, most int) string {
	label = printable.Line(label)
	at := strings.LastIndex(label, " (")
	if text.StringWidthWithoutEscSequences(label) <= most || at < 0 {
		return label
	}
	name, address := label[:at], label[at:]
	room := most - text.StringWidthWithoutEscSequences(address) - 1
	cut := strings.TrimSpace(text.Trim(name, max(1, room)))
	if cut == "" { // the first letter is already too wide
		cut = string([]rune(name)[:1])
	}
	return cut + "…" + address
}

// shortAll shortens each label of a list.
func shortAll(labels []string, most int) []string {
	list := make([]string, len(labels))
	for i, label := range labels {
		list[i] = short(label, most)
	}
	return list
}
