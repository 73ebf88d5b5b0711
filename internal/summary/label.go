package summary

import (
	"strings"

	"telegraf-conntrack-accounting/internal/printable"
)

// short cuts the name in a label, such as "team one (10.32.1.0)", until all of it
// has at most so many characters, for charts have no room for more. The address
// stays whole, or two labels could become one.
func short(label string, most int) string {
	label = printable.Line(label)
	letters := []rune(label)
	at := strings.LastIndex(label, " (")
	if len(letters) <= most || at < 0 {
		return label
	}
	address := label[at:]
	name := []rune(label[:at])
	return strings.TrimSpace(string(name[:min(len(name), max(1, most-len(address)-1))])) + "…" + address
}

// shortAll does so with each of a list.
func shortAll(labels []string, most int) []string {
	list := make([]string, len(labels))
	for i, label := range labels {
		list[i] = short(label, most)
	}
	return list
}
