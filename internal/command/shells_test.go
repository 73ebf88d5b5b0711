package command

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// sample is a program with all that a description can hold. Its texts hold what
// shells and roff would take for something else.
func sample(out *bytes.Buffer) *Program {
	flags := func(define func(*flag.FlagSet)) *flag.FlagSet {
		set := NewFlags()
		set.String("config", "", "read `file`, it's a [[table]]: see C:\\x")
		define(set)
		return set
	}
	var sort string
	return &Program{
		Name: "sam-ple", Version: "sample 1.2.3", Line: "show what's there", Stdout: out, Stderr: out,
		Main: &Command{About: ".dots and 'quotes' at the beginning\n", Flags: flags(func(f *flag.FlagSet) { f.Bool("debug", false, "log more") })},
		Commands: []*Command{
			{
				Name: "import", Line: "store 'files'", Args: "FILE...", Codes: Codes{3: "some of it"},
				About: "Stores files.\n\n.Twice, with \\n.\n", Examples: []Example{{Text: "sam-ple import -config x.conf \\\n    a.csv"}},
				Flags: flags(func(f *flag.FlagSet) { f.Duration("wait", 0, "wait for so `long`") }),
			},
			{Name: "report", Line: "show", About: "Shows.\n", Flags: flags(func(f *flag.FlagSet) {
				Choice(f, &sort, "sort", "bytes", []string{"bytes", "packets"}, "`what` tells the greatest")
			})},
		},
	}
}

// printed returns what the program prints.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	require.Zero(t, sample(&out).Run(args), &out)
	return out.String()
}

// TestMain is the sample program where a shell calls it to complete a command line.
func TestMain(m *testing.M) {
	if os.Getenv("SAMPLE") == "" {
		os.Exit(m.Run())
	}
	var out bytes.Buffer
	code := sample(&out).Run(os.Args[1:])
	_, _ = os.Stdout.Write(out.Bytes())
	os.Exit(code)
}

// completions are what shells offer at the end of a command line.
func completions() map[string]string {
	return map[string]string{
		"sam-ple ":                        "completion help import report version",
		"sam-ple re":                      "report",
		"sam-ple -":                       "-config -debug -help -version",
		"sam-ple --de":                    "--debug",
		"sam-ple -config ":                "a.csv b.conf",
		"sam-ple import -":                "-config -help -wait",
		"sam-ple import --w":              "--wait",
		"sam-ple import --config b":       "b.conf",
		"sam-ple import -wait ":           "",
		"sam-ple none ":                   "",
		"sam-ple import -config b.conf a": "a.csv",
		"sam-ple report -sort ":           "bytes packets",
		"sam-ple report --sort p":         "packets",
		"sam-ple help im":                 "import",
		"sam-ple completion ":             "bash fish zsh",
	}
}

// folder holds two files, and the completions of a shell in another folder, which has the
// program, too.
func folder(t *testing.T, shell, name string) (dir, script string) {
	t.Helper()
	dir, script = t.TempDir(), filepath.Join(t.TempDir(), name)
	self, err := os.Executable()
	require.NoError(t, err)
	program := fmt.Sprintf("#!/bin/sh\nSAMPLE=1 exec %s \"$@\"\n", self)
	require.NoError(t, os.MkdirAll(filepath.Join(filepath.Dir(script), "bin"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(script), "bin", "sam-ple"), []byte(program), 0o700))
	for _, file := range []string{"a.csv", "b.conf"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), nil, 0o600))
	}
	require.NoError(t, os.WriteFile(script, []byte(printed(t, "completion", shell)), 0o600))
	return dir, script
}

// output runs a command in a folder. Where it is a shell, it finds the sample program
// beside a script.
func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	testkit.Need(t, name)
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	for _, script := range args {
		cmd.Env = append(cmd.Environ(), "PATH="+filepath.Join(filepath.Dir(script), "bin")+":"+os.Getenv("PATH"))
		if filepath.IsAbs(script) {
			break
		}
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestBash(t *testing.T) {
	t.Parallel()
	dir, script := folder(t, "bash", "sam-ple")
	output(t, dir, "bash", "-n", script)
	const complete = `source "$1"; read -r -a COMP_WORDS <<<"$2"
		[[ $2 == *' ' ]] && COMP_WORDS+=('')
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _sam_ple; printf '%s\n' "${COMPREPLY[@]}" | sort`
	lines := completions()
	lines["sam-ple report -sort = "] = "bytes packets" // as bash takes -sort= apart
	lines["sam-ple report -sort = p"] = "packets"
	lines["sam-ple report -sort ="] = "bytes packets"
	for line, want := range lines {
		out := output(t, dir, "bash", "-c", complete, "bash", script, line)
		require.Equal(t, want, strings.Join(strings.Fields(out), " "), line)
	}
}

func TestFish(t *testing.T) {
	t.Parallel()
	dir, script := folder(t, "fish", "sam-ple.fish")
	output(t, dir, "fish", "-n", script)
	for line, want := range completions() {
		out := output(t, dir, "fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]", script, line)
		var words []string
		for offer := range strings.Lines(out) {
			word, _, _ := strings.Cut(strings.TrimSpace(offer), "\t")
			words = append(words, word)
		}
		for _, word := range strings.Fields(want) {
			require.Contains(t, words, word, line)
		}
	}
}

// zsh completes only on a terminal, so what the function offers is read.
func TestZsh(t *testing.T) {
	t.Parallel()
	dir, script := folder(t, "zsh", "_sam-ple")
	output(t, dir, "zsh", "-n", script)
	const complete = `_describe() { print -rl -- ${(P)2} }; _files() { print -rl -- ${${(M)$(ls):#$words[CURRENT]*}} }; compset() {}
		words=(${(z)2}); [[ $2 == *' ' ]] && words+=(''); CURRENT=$#words; source $1`
	for line, want := range completions() {
		out := output(t, dir, "zsh", "-f", "-c", complete, "zsh", script, line)
		var words []string
		for offer := range strings.Lines(out) {
			word, _, _ := strings.Cut(strings.TrimSpace(offer), ":")
			words = append(words, word)
		}
		require.ElementsMatch(t, strings.Fields(want), words, line)
	}
	out := output(t, dir, "zsh", "-f", "-c", complete, "zsh", script, "sam-ple import -")
	require.Contains(t, out, "-wait:wait for so long\n")
	out = output(t, dir, "zsh", "-f", "-c", complete, "zsh", script, "sam-ple report -sort=")
	require.Equal(t, "-sort=bytes:\n-sort=packets:\n", out)
}

func TestManualPage(t *testing.T) {
	t.Parallel()
	page := filepath.Join(t.TempDir(), "sam-ple.1")
	require.NoError(t, os.WriteFile(page, []byte(printed(t, "help", "-man")), 0o600))
	require.Empty(t, output(t, "", "groff", "-man", "-Tutf8", "-ww", "-z", page), "warnings")
	text := output(t, "", "groff", "-man", "-Tascii", "-P-c", "-P-b", "-P-u", page)
	for _, want := range []string{
		"sam-ple - show what's there", ".dots and 'quotes' at the beginning", `.Twice, with \n.`, "import [switches] FILE...",
		"it's a [[table]]: see C:\\x", "sam-ple import -config x.conf \\\n", "3      some of it", "(default bytes)",
	} {
		require.Contains(t, text, want)
	}
}
