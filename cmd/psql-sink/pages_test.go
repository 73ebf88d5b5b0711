package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// What help tells of commands and switches, the manual page and the completions of
// both programs tell, too, and the tools that read them have nothing to complain of.
func TestPagesAndCompletions(t *testing.T) {
	for name, folder := range map[string]string{"telegraf-conntrack-accounting": "execd-plugin", "psql-sink": "psql-sink"} {
		p := alone(testkit.Binary(t, "telegraf-conntrack-accounting/cmd/"+folder))
		printed := func(args ...string) string {
			out, problems, code := p.run(args...)
			require.Zero(t, code, problems)
			return out
		}
		pages := map[string]string{}
		for _, page := range []struct{ of, command, reader string }{
			{"man", "help -man", "groff -man -Tutf8 -ww -z"},
			{"bash", "completion bash", "bash -n"},
			{"zsh", "completion zsh", "zsh -n"},
			{"fish", "completion fish", "fish -n"},
		} {
			pages[page.of] = printed(strings.Fields(page.command)...)
			reader := strings.Fields(page.reader)
			testkit.Need(t, reader[0])
			cmd := exec.Command(reader[0], append(reader[1:], "/dev/stdin")...)
			cmd.Stdin = strings.NewReader(pages[page.of])
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, page.of)
			require.Empty(t, string(out), page.of)
		}
		help := printed("help")
		_, list, _ := strings.Cut(help, "\nCommands; ")
		commands := append([]string{""}, found(`(?m)^  (\S+) `, list)...)
		require.Contains(t, commands, "completion")
		for _, command := range commands {
			text, offers := help, printed("completion", "words", "-")
			if command != "" {
				text, offers = printed("help", command), printed("completion", "words", command, "-")
				require.Regexp(t, `(?m)^\.SS "`+name+" "+command+`\b`, strings.ReplaceAll(pages["man"], `\-`, "-"))
			}
			for _, option := range append(found(`(?m)^  -(\S+)`, text), "help") {
				require.Regexp(t, `(?m)^-`+option+`\t\S`, offers, command)
				if option != "help" { // which goes without saying
					require.Contains(t, pages["man"], "\n.BI \""+strings.ReplaceAll("-"+option, "-", `\-`)+`"`)
				}
			}
		}
	}
}

// found returns what a pattern's group matches.
func found(pattern, text string) (list []string) {
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		list = append(list, match[1])
	}
	return list
}
