package command

import (
	"fmt"
	"strings"
)

// help returns what -help prints.
func (p *Program) help(c *Command) string {
	var text strings.Builder
	if c == p.Main {
		fmt.Fprintf(&text, "%s: %s\n\n", p.Version, p.Line)
	}
	for _, line := range p.usage(c) {
		fmt.Fprintln(&text, line)
	}
	text.WriteString("\n" + c.About)
	text.WriteString("\nExit codes:\n")
	codes, meanings := c.exitCodes()
	for _, code := range codes {
		fmt.Fprintf(&text, "  %d %s\n", code, meanings[code])
	}
	for _, example := range c.Examples {
		fmt.Fprintf(&text, "\n%s:\n%s\n", example.title(), indented(example.Text))
	}
	if len(c.switches()) > 1 {
		text.WriteString("\nSwitches:\n")
		c.Flags.SetOutput(&text)
		c.Flags.PrintDefaults()
	}
	if c == p.Main {
		fmt.Fprintf(&text, "\nCommands; for details, %s help COMMAND:\n", p.Name)
		for _, c := range p.named() {
			fmt.Fprintf(&text, "  %-12s%s\n", c.Name, c.Line)
		}
	}
	return text.String()
}

// usage returns the forms of a command line.
func (p *Program) usage(c *Command) []string {
	if c == p.Main {
		return []string{p.Name + " [switches]", p.Name + " COMMAND [switches]"}
	}
	form := p.Name + " " + c.Name
	if len(c.switches()) > 1 { // -help goes without saying
		form += " [switches]"
	}
	return []string{strings.TrimSpace(form + " " + c.Args)}
}

func (e Example) title() string {
	if e.Title == "" {
		return "Example"
	}
	return "Example, " + e.Title
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
}
