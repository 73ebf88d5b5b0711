package command

import (
	"fmt"
	"strings"
)

// bash returns a script for bash-completion, which needs nothing of it.
func (p *Program) bash() string {
	var values, commands strings.Builder
	for _, c := range p.all() {
		var names []string
		for _, o := range c.options() {
			names = append(names, o.name)
			if o.value != "" {
				fmt.Fprintf(&values, "    %s:%s) %s ;;\n", c.Name, o.name, bashValues(o))
			}
		}
		if c == p.Main {
			continue
		}
		fmt.Fprintf(&commands, "    %s) switches='%s' %s ;;\n", c.Name, strings.Join(names, " "), bashValues(c.operand()))
	}
	main, names := "", []string{}
	for _, o := range p.Main.options() {
		main += " " + o.name
	}
	for _, c := range p.named() {
		names = append(names, c.Name)
	}
	return fmt.Sprintf(`# bash completion for %[1]s
%[2]s() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' switches='' words='' files='' value=1
    # Bash takes -switch=value for three words.
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $prev == '=' ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} != -* ]]; then
        command=${COMP_WORDS[1]}
    fi
    case $command:${prev/#--/-} in
%[3]s    *) value='' ;;
    esac
    [[ $value ]] || case $command in
%[4]s    '')
        switches='%[5]s'
        ((COMP_CWORD > 1)) || words='%[6]s'
        ;;
    esac
    COMPREPLY=()
    if [[ $value || $cur != -* ]]; then
        [[ $words ]] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
        if [[ $files ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            compopt -o filenames 2>/dev/null
        fi
    elif [[ $cur == --* ]]; then
        mapfile -t COMPREPLY < <(compgen -P - -W "$switches" -- "${cur#-}")
    else
        mapfile -t COMPREPLY < <(compgen -W "$switches" -- "$cur")
    fi
    return 0
}
complete -F %[2]s %[1]s
`, p.Name, p.function(), values.String(), commands.String(), strings.TrimSpace(main), strings.Join(names, " "))
}

// bashValues is the statement that says what completes a value.
func bashValues(o option) string {
	switch {
	case o.words != nil:
		return "words='" + strings.Join(o.words, " ") + "'"
	case o.file():
		return "files=1"
	}
	return ""
}
