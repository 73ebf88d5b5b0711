package command

import (
	"fmt"
	"strings"
)

// fish returns a script for fish's completions.
func (p *Program) fish() string {
	var text strings.Builder
	fmt.Fprintf(&text, "# fish completion for %s\n", p.Name)
	add := func(condition, what, about string) {
		fmt.Fprintf(&text, "complete -c %s -n '%s' %s", p.Name, condition, what)
		if about != "" {
			text.WriteString(" -d " + singleQuoted(strings.ReplaceAll(about, `\`, `\\`), `\'`))
		}
		text.WriteString("\n")
	}
	fmt.Fprintf(&text, "complete -c %s -f\n", p.Name)
	var names []string
	for _, c := range p.named() {
		names = append(names, c.Name)
		add("__fish_use_subcommand", "-a "+c.Name, c.Line)
	}
	for _, c := range p.all() {
		condition := "__fish_seen_subcommand_from " + c.Name
		if c == p.Main {
			condition = "not __fish_seen_subcommand_from " + strings.Join(names, " ")
		}
		for _, o := range c.options() {
			name := strings.TrimPrefix(o.name, "-")
			add(condition, strings.TrimSpace("-o "+name+" -l "+name+" "+fishValues(o)), o.short())
		}
		if values := fishValues(c.operand()); c.Args != "" {
			add(condition, strings.TrimPrefix(strings.TrimPrefix(values, "-r "), "-x "), "")
		}
	}
	return text.String()
}

// fishValues are the switches of complete that say what a value may be.
func fishValues(o option) string {
	switch {
	case o.value == "":
		return ""
	case o.words != nil:
		return "-x -a '" + strings.Join(o.words, " ") + "'"
	case o.file():
		return "-r -F"
	}
	return "-x"
}
