package summary

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"telegraf-conntrack-accounting/internal/printable"
)

// short cuts the name in a label, such as "team one (10.32.1.0)", until all of it
// is at most so many cells wide, of which an East Asian letter takes two. The
// address stays whole, or two labels could become one.
func short(label string, most int) string {
	label = printable.Line(label)
	at := strings.LastIndex(label, " (")
	if text.StringWidthWithoutEscSequences(label) <= most || at < 0 {
		return label
	}
	name, address := label[:at], label[at:]
	room := most - text.StringWidthWithoutEscSequences(address) - 1
	cut := strings.TrimSpace(text.Trim(name, max(1, room)))
	if cut == "" { // a letter that is wider than the room
		cut = string([]rune(name)[:1])
	}
	return cut + "…" + address
}

// shortAll does so with each of a list.
func shortAll(labels []string, most int) []string {
	list := make([]string, len(labels))
	for i, label := range labels {
		list[i] = short(label, most)
	}
	return list
}
