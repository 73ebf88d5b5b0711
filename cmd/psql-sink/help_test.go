package main

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

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
	for _, args := range [][]string{{"-help"}, {"-h"}, {"help"}, {"help", "help"}, {"help", "version"}} {
		out, problems, code := p.run(args...)
		require.Zero(t, code, args)
		require.Empty(t, problems)
		for _, m := range manuals() {
			require.Regexp(t, "\n  "+m.name+" +"+m.line+"\n", out)
		}
		require.Contains(t, out, "\nExit codes:\n  0 ")
		require.Contains(t, out, "\nExample")
		require.Contains(t, out, "\n  -config file\n")
	}
	for _, m := range manuals() {
		out, problems, code := p.run(m.name, "-help")
		require.Zero(t, code, m.name)
		require.Empty(t, problems)
		require.Regexp(t, "^psql-sink "+m.name+` \[switches\]`, out)
		require.Contains(t, out, m.about+"\nExit codes:\n  0 ")
		require.Contains(t, out, "\nExample:\n  "+m.example+"\n\nSwitches:\n")
		require.Contains(t, out, "\n  -config file\n")
		again, _, code := p.run("help", m.name)
		require.Zero(t, code)
		require.Equal(t, out, again)
	}
	for _, args := range [][]string{{"-version"}, {"version"}} {
		out, problems, code := p.run(args...)
		require.Zero(t, code, args)
		require.Empty(t, problems)
		require.Regexp(t, `^vpn_traffic \S+\n$`, out)
	}
}

// A wrong command line is told in one line on stderr.
func TestWrongCommandLines(t *testing.T) {
	p := buildAlone(t)
	for want, args := range map[string][]string{
		`E! there is no command "improt"; did you mean "import"?; psql-sink help lists them`: {"improt", "x.csv"},
		`E! there is no command "hel"; did you mean "help"?; psql-sink help lists them`:      {"hel"},
		`E! there is no command "vpn_traffic.conf"; psql-sink help lists them`:               {"vpn_traffic.conf"},
		`E! there is no command "nothing"; psql-sink help lists them`:                        {"help", "nothing"},
		`E! there is no command "-x"; psql-sink help lists them`:                             {"help", "-x"},
		`E! unexpected argument "more"; -help lists the flags`:                               {"version", "more"},
		`E! unexpected argument "more"; psql-sink verify -help tells more`:                   {"verify", "more"},
		`E! unexpected argument "more"; psql-sink watch -help tells more`:                    {"watch", "more"},
		`E! flag provided but not defined: -x; psql-sink upgrade -help tells more`:           {"upgrade", "-x"},
		`E! flag provided but not defined: -y; psql-sink report -help tells more`:            {"report", "-y"},
	} {
		out, problems, code := p.run(args...)
		require.Equal(t, exitUsage, code, args)
		require.Empty(t, out)
		require.Equal(t, want+"\n", problems)
	}
}
