package command

import (
	"errors"
	"fmt"
	"strings"
)

// Shells ask the program itself what can stand at the end of a command line, so their
// scripts know nothing of its commands.

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
			case len(args) == 1 && completionScripts()[args[0]] != "":
				script := strings.ReplaceAll(completionScripts()[args[0]], "FUNCTION", "_"+strings.ReplaceAll(p.Name, "-", "_"))
				return p.print(strings.ReplaceAll(script, "PROGRAM", p.Name))
			}
			return UsageError(errors.New("name a shell: bash, fish or zsh"))
		},
	}
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

// completionScripts have PROGRAM and FUNCTION for the name of the program, and of a
// function in shells that allow no dash in it.
func completionScripts() map[string]string {
	return map[string]string{
		"bash": `# bash completion for PROGRAM
FUNCTION() {
    local word words=() offers
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do # bash takes -switch=value for three words
        [[ $word == = ]] || words+=("$word")
    done
    [[ $word != = ]] || words+=('')
    mapfile -t offers < <(PROGRAM completion words "${words[@]}")
    COMPREPLY=("${offers[@]%%$'\t'*}")
    if [[ ${COMPREPLY[0]} == :files ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "${words[-1]}")
        compopt -o filenames 2>/dev/null
    fi
    return 0
}
complete -F FUNCTION PROGRAM
`,
		"fish": `# fish completion for PROGRAM
function FUNCTION
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l offers (PROGRAM completion words $words[2..-1] "$current")
    if test (string trim -- "$offers[1]") = :files
        __fish_complete_path (string replace -r '^-.*=' '' -- "$current")
    else
        printf '%s\n' $offers
    end
end
complete -c PROGRAM -f -a '(FUNCTION)'
`,
		"zsh": `#compdef PROGRAM
# zsh completion for PROGRAM
FUNCTION() {
    local -a offers=("${(@f)$(PROGRAM completion words "${(@)words[2,CURRENT]}")}")
    [[ $offers ]] || return 0
    if [[ $offers[1] == :files* ]]; then
        compset -P '-*='
        _files
        return
    fi
    offers=("${(@)${(@)offers//:/\\:}/$'\t'/:}") # _describe wants word:what it does
    _describe PROGRAM offers
}
FUNCTION "$@"
`,
	}
}
