package command

import (
	"fmt"
	"strings"
)

// zsh returns a completion function, for a file in fpath named _ and the program.
func (p *Program) zsh() string {
	var list, cases strings.Builder
	for _, c := range p.named() {
		fmt.Fprintf(&list, "        %s\n", zshQuoted(c.Name+":"+c.Line))
		fmt.Fprintf(&cases, "    %s)%s ;;\n", c.Name, zshArguments(c))
	}
	return fmt.Sprintf(`#compdef %[1]s
# zsh completion for %[1]s
%[2]s() {
    local -a commands=(
%[3]s    )
    if ((CURRENT == 2)) && [[ $words[2] != -* ]]; then
        _describe command commands
        return
    fi
    local command=$words[2]
    if [[ $command != -* ]]; then
        shift words
        ((CURRENT--))
    fi
    case $command in
%[4]s    -*)%[5]s ;;
    esac
}
%[2]s "$@"
`, p.Name, p.function(), list.String(), cases.String(), zshArguments(p.Main))
}

// zshArguments is a call of _arguments for a command. With an exclamation mark a
// switch is known, but not offered: each comes with two dashes, too.
func zshArguments(c *Command) string {
	var call strings.Builder
	call.WriteString(" _arguments")
	add := func(spec string) { call.WriteString(" \\\n        " + zshQuoted(spec)) }
	for _, o := range c.options() {
		about := "[" + strings.NewReplacer("[", `\[`, "]", `\]`, ":", `\:`).Replace(o.short()) + "]"
		value := ""
		if o.value != "" {
			value = "=" // in the same word, or the next
		}
		add(o.name + value + about + zshValues(o))
		add("!-" + o.name + value + zshValues(o))
	}
	if c.Args != "" {
		add("*" + zshValues(c.operand()))
	}
	return call.String()
}

func zshValues(o option) string {
	switch {
	case o.value == "":
		return ""
	case o.words != nil:
		return ":" + o.value + ":(" + strings.Join(o.words, " ") + ")"
	case o.file():
		return ":" + o.value + ":_files"
	}
	return ":" + o.value + ": "
}

func zshQuoted(text string) string { return singleQuoted(text, `'\''`) }
