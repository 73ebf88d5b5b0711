package main

import (
	"bytes"
	"flag"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/testkit"
)

// alone is the path of a program that is run without a configuration.
type alone string

func buildAlone(t *testing.T) alone {
	t.Helper()
	return alone(testkit.Binary(t, "telegraf-conntrack-accounting/cmd/psql-sink"))
}

// run returns what the program printed and its exit code.
func (path alone) run(args ...string) (stdout, stderr string, code int) {
	var out, problems bytes.Buffer
	cmd := exec.Command(string(path), args...)
	cmd.Stdout, cmd.Stderr = &out, &problems
	_ = cmd.Run()
	return out.String(), problems.String(), cmd.ProcessState.ExitCode()
}

// Help is what was asked for: on stdout, and no error.
func TestHelp(t *testing.T) {
	p := buildAlone(t)
	commands := newProgram(execd.Process(plugin)).Commands
	for _, args := range [][]string{{"-help"}, {"-h"}, {"--help"}, {"help"}} {
		out, problems, code := p.run(args...)
		require.Zero(t, code, args)
		require.Empty(t, problems)
		for _, c := range commands {
			require.Regexp(t, "\n  "+c.Name+" +"+c.Line+"\n", out)
		}
		require.Contains(t, out, "\nExit codes:\n  0 ")
		require.Contains(t, out, "\nExample")
		require.Contains(t, out, "\n  -config file\n")
	}
	for _, c := range commands {
		out, problems, code := p.run(c.Name, "-help")
		require.Zero(t, code, c.Name)
		require.Empty(t, problems)
		require.Regexp(t, "^psql-sink "+c.Name+` \[switches\]`, out)
		require.Contains(t, out, c.About+"\nExit codes:\n  0 ")
		require.NotEmpty(t, c.Examples)
		for _, example := range c.Examples {
			require.Contains(t, out, ":\n  "+strings.ReplaceAll(example.Text, "\n", "\n  ")+"\n\n")
		}
		c.Flags.VisitAll(func(f *flag.Flag) { require.Contains(t, out, "\n  -"+f.Name) })
		again, _, code := p.run("help", c.Name)
		require.Zero(t, code)
		require.Equal(t, out, again)
	}
	for _, args := range [][]string{{"-version"}, {"--version"}, {"version"}} {
		out, problems, code := p.run(args...)
		require.Zero(t, code, args)
		require.Empty(t, problems)
		require.Regexp(t, `^vpn_traffic \S+ \(commit \S+, go1\.\S+, linux/\w+\)\n$`, out)
	}
}

// A wrong command line is told in one line on stderr.
func TestWrongCommandLines(t *testing.T) {
	p := buildAlone(t)
	for want, args := range map[string][]string{
		`E! there is no command "improt"; did you mean "import"?; see psql-sink -help`:                                        {"improt", "x.csv"},
		`E! there is no command "hel"; did you mean "help"?; see psql-sink -help`:                                             {"hel"},
		`E! there is no command "vpn_traffic.conf"; see psql-sink -help`:                                                      {"vpn_traffic.conf"},
		`E! there is no command "nothing"; see psql-sink help -help`:                                                          {"help", "nothing"},
		`E! flag provided but not defined: -x; see psql-sink help -help`:                                                      {"help", "-x"},
		`E! name one command, or none for -man; see psql-sink help -help`:                                                     {"help", "-man", "import"},
		`E! name a shell: bash, fish or zsh; see psql-sink completion -help`:                                                  {"completion", "csh"},
		`E! unexpected argument "more"; see psql-sink version -help`:                                                          {"version", "more"},
		`E! unexpected argument "more"; see psql-sink -help`:                                                                  {"-debug", "more"},
		`E! unexpected argument "more"; see psql-sink verify -help`:                                                           {"verify", "more"},
		`E! unexpected argument "more"; see psql-sink watch -help`:                                                            {"watch", "more"},
		`E! flag provided but not defined: -x; see psql-sink upgrade -help`:                                                   {"upgrade", "-x"},
		`E! flag provided but not defined: -y; see psql-sink report -help`:                                                    {"report", "-y"},
		`E! flag provided but not defined: -confg; did you mean "-config"?; see psql-sink report -help`:                       {"report", "--confg", "x"},
		`E! flag provided but not defined: -retention-mniute; did you mean "-retention-minute"?; see psql-sink migrate -help`: {"migrate", "-retention-mniute=1d"},
	} {
		out, problems, code := p.run(args...)
		require.Equal(t, exitUsage, code, args)
		require.Empty(t, out)
		require.Equal(t, want+"\n", problems)
	}
}

// A switch may begin with one dash or two, in both programs and all commands.
func TestDashes(t *testing.T) {
	p := buildAlone(t)
	absent := filepath.Join(t.TempDir(), "absent.conf")
	refuses := func(p alone, command string, more ...string) {
		for _, form := range [][]string{{"-config", absent}, {"--config", absent}, {"-config=" + absent}, {"--config=" + absent}} {
			args := slices.Concat(strings.Fields(command), form, more)
			_, problems, code := p.run(args...)
			require.Equal(t, exitFailed, code, args)
			require.Equal(t, "E! reading the configuration: open "+absent+": no such file or directory\n", problems, args)
		}
	}
	refuses(alone(testkit.Binary(t, "telegraf-conntrack-accounting/cmd/execd-plugin")), "")
	refuses(p, "")
	for _, c := range newProgram(execd.Process(plugin)).Commands {
		more := []string{}
		switch c.Name {
		case "check":
			continue // it finds that, on stdout
		case "forget":
			more = []string{"-day", "2026-01-01"}
		case "import":
			more = []string{"file"}
		}
		refuses(p, c.Name, more...)
	}
}
