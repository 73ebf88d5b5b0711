package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// manual returns the manual page, of all commands: who looks for a switch finds it
// there whatever command it belongs to.
func (p *Program) manual() string {
	var m roff
	m.printf(".TH %s 1 \"\" %s\n", m.quoted(strings.ToUpper(p.Name)), m.quoted(p.Version))
	m.heading("NAME")
	m.printf("%s \\- %s\n", m.escaped(p.Name), m.escaped(p.Line))
	m.heading("SYNOPSIS")
	for i, c := range append([]*Command{p.Main}, p.named()...) {
		if i > 0 {
			m.WriteString(".br\n")
		}
		m.printf(".B %s\n", m.quoted(p.usage(c)[0]))
	}
	m.heading("DESCRIPTION")
	codes, meanings := p.Main.exitCodes()
	m.command(p.Main, ".SH", codes, meanings)
	m.heading("COMMANDS")
	m.printf("%s\n", m.escaped("Each command has the switch -help. A switch may begin with two dashes. Exit codes are 0 when all is done, 1 when something failed (stderr has the reason), and 2 when the command line is wrong, besides those of a command."))
	for _, c := range p.named() {
		m.printf(".SS %s\n", m.quoted(p.usage(c)[0]))
		m.command(c, ".PP\n.B", slices.Sorted(maps.Keys(c.Codes)), c.Codes)
	}
	return m.String()
}

// roff is a manual page being written.
type roff struct{ strings.Builder }

func (m *roff) printf(format string, args ...any) { _, _ = fmt.Fprintf(m, format, args...) }

func (m *roff) heading(name string) { m.printf(".SH %s\n", name) }

// command writes all about a command, with these exit codes; part begins each of its
// parts.
func (m *roff) command(c *Command, part string, codes []int, meanings Codes) {
	m.paragraphs(c.About)
	if options := c.options(); len(options) > 1 {
		m.printf("%s OPTIONS\n", part)
		for _, o := range options[:len(options)-1] { // -help goes without saying
			m.option(o)
		}
	}
	if len(codes) > 0 {
		m.printf("%s \"EXIT STATUS\"\n", part)
	}
	for _, code := range codes {
		m.printf(".TP\n.B %d\n%s\n", code, m.escaped(meanings[code]))
	}
	for _, example := range c.Examples {
		m.printf("%s %s\n", part, m.quoted(strings.ToUpper(example.title())))
		m.printf(".EX\n%s\n.EE\n", m.escaped(indented(example.Text)))
	}
}

func (m *roff) option(o option) {
	about := o.about
	if o.preset != "" {
		about += " (default " + o.preset + ")"
	}
	m.printf(".TP\n.BI %s", m.quoted(o.name))
	if o.value != "" {
		m.printf(" %s", m.quoted(" "+o.value))
	}
	m.printf("\n%s\n", m.escaped(about))
}

// paragraphs writes text whose lines are filled anew.
func (m *roff) paragraphs(text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			m.WriteString(".PP\n")
		}
		m.WriteString(m.escaped(paragraph) + "\n")
	}
}

// quoted is text as one argument of a macro.
func (m *roff) quoted(text string) string { return `"` + m.escaped(text) + `"` }

// escaped is text that stands for itself: roff has its own use for some of ASCII,
// and for a dot at the beginning of a line.
func (*roff) escaped(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`).Replace(text)
	return strings.ReplaceAll("\n"+text, "\n.", "\n\\&.")[len("\n"):]
}
