package command

import (
	"embed"
	"errors"
	"fmt"
	"strings"
)

// Shells ask the program itself what can stand at the end of a command line, so their
// scripts know nothing of its commands. These have PROGRAM and FUNCTION for the name of
// the program, and of a function in shells that allow no dash in it.
//
//go:embed completion.bash completion.fish completion.zsh
var completionScripts embed.FS

// offerFiles stands for the names of files, which a shell completes by itself.
const offerFiles = ":files"

func (p *Program) completionCommand() *Command {
	return &Command{
		Name: "completion", Line: "print what completes command lines in a shell", Args: "SHELL", Words: []string{"bash", "fish", "zsh"}, Flags: NewFlags(),
		About:    "Prints a script with which bash, fish or zsh completes commands, switches and their\nvalues.\n",
		Examples: []Example{{Text: `eval "$(` + p.Name + ` completion bash)"`}},
		Run: func(args []string) error {
			switch {
			case len(args) > 1 && args[0] == "words": // called by the scripts
				return p.printOffers(args[1:])
			case len(args) == 1:
				if script, err := completionScripts.ReadFile("completion." + args[0]); err == nil {
					return p.print(p.complete(string(script)))
				}
			}
			return UsageError(errors.New("name a shell: bash, fish or zsh"))
		},
	}
}

// complete fills in the names.
func (p *Program) complete(script string) string {
	function := "_" + strings.ReplaceAll(p.Name, "-", "_")
	return strings.NewReplacer("PROGRAM", p.Name, "FUNCTION", function).Replace(script)
}

// An offer is a word that can stand there, and what it does.
type offer struct{ word, about string }

// printOffers prints those that begin as the last of the words does.
func (p *Program) printOffers(words []string) error {
	var text strings.Builder
	for _, o := range p.offers(words) {
		if strings.HasPrefix(o.word, words[len(words)-1]) || o.word == offerFiles {
			fmt.Fprintf(&text, "%s\t%s\n", o.word, o.about)
		}
	}
	return p.print(text.String())
}

func (p *Program) offers(words []string) (list []offer) {
	c, last, previous := p.Main, len(words)-1, ""
	if last > 0 {
		previous = words[last-1]
		if !strings.HasPrefix(words[0], "-") {
			c, _ = p.find(words[0])
		}
	}
	if c == nil {
		return nil
	}
	for _, o := range c.options() {
		for _, name := range []string{o.name, "-" + o.name} {
			switch {
			case o.value != "" && previous == name:
				return o.offers("")
			case o.value != "" && strings.HasPrefix(words[last], name+"="):
				return o.offers(name + "=")
			case strings.HasPrefix(words[last], "--") == strings.HasPrefix(name, "--"):
				list = append(list, offer{name, o.short()})
			}
		}
	}
	switch {
	case strings.HasPrefix(words[last], "-"):
		return list
	case last > 0:
		return c.operand().offers("")
	}
	list = nil
	for _, c := range p.named() {
		list = append(list, offer{c.Name, c.Line})
	}
	return list
}

// offers returns the values, after a prefix.
func (o option) offers(prefix string) (list []offer) {
	if o.file() {
		return []offer{{offerFiles, ""}}
	}
	for _, word := range o.words {
		list = append(list, offer{prefix + word, ""})
	}
	return list
}
