package check_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/testkit"
)

func findings() []check.Finding {
	return []check.Finding{
		check.Okf("one", "is %d", 1),
		check.Warnf("two", "is \x1b[2J 2").Do("make it <3"),
		check.Failf("three", "is none").Do("set it").Run("echo 3 && true"),
		check.Failf("four", "is none").Run("echo 4"),
	}
}

const plain = `OK      one: is 1
WARNING two: is \x1b[2J 2; make it <3
FAILURE three: is none; set it: echo 3 && true
FAILURE four: is none; run: echo 4
1 OK, 1 warnings, 2 failures
`

// shown returns what is written to a file, or a terminal.
func shown(t *testing.T, terminal bool, show func(*os.File, []check.Finding) error) string {
	t.Helper()
	reader, writer, err := os.Pipe()
	if terminal {
		reader, writer, err = pty.Open()
	}
	require.NoError(t, err)
	defer func() { _ = reader.Close() }()
	text := make(chan string)
	go func() {
		all, _ := io.ReadAll(reader) // a terminal ends with an error
		text <- string(all)
	}()
	require.NoError(t, show(writer, findings()))
	require.NoError(t, writer.Close())
	return <-text
}

func TestShow(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	require.Equal(t, plain, shown(t, false, check.Show), "a file has no colours")
	coloured := shown(t, true, check.Show)
	require.Contains(t, coloured, "\x1b[32mOK     \x1b[0m one: is 1\r\n")
	require.Contains(t, coloured, "\x1b[33mWARNING\x1b[0m two: ")
	require.Contains(t, coloured, "\x1b[31mFAILURE\x1b[0m three: ")
	t.Setenv("NO_COLOR", "1")
	require.NotContains(t, shown(t, true, check.Show), "\x1b")
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	require.NotContains(t, shown(t, true, check.Show), "\x1b")
}

// The shape of JSON is for others to rely on.
func TestShowJSON(t *testing.T) {
	text := shown(t, true, check.ShowJSON)
	require.Contains(t, text, "echo 3 && true")
	var read map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &read))
	require.Equal(t, map[string]any{"level": "failure", "findings": []any{
		map[string]any{"name": "one", "level": "ok", "what": "is 1"},
		map[string]any{"name": "two", "level": "warning", "what": "is \x1b[2J 2", "remedy": "make it <3"},
		map[string]any{"name": "three", "level": "failure", "what": "is none", "remedy": "set it", "command": "echo 3 && true"},
		map[string]any{"name": "four", "level": "failure", "what": "is none", "command": "echo 4"},
	}}, read)
}

// Parts run at once, their findings come in order, and who does not answer is named.
func TestAll(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun, hang := make(chan struct{}), make(chan struct{})
	defer close(hang)
	all := check.All(
		ctx,
		check.Part{Name: "slow", Find: func(context.Context) []check.Finding { <-begun; return findings()[:1] }},
		check.Part{Name: "stuck", Find: func(context.Context) []check.Finding { close(begun); <-hang; return nil }},
		check.Part{Name: "none", Find: func(context.Context) []check.Finding { return nil }},
	)
	require.Equal(t, []check.Finding{check.Okf("one", "is 1"), check.Failf("stuck", "there was no answer in time")}, all)
}

// The rights that count are those of the user who will work there, and each remedy
// helps.
func TestFolder(t *testing.T) {
	testkit.Need(t)
	root, err := os.MkdirTemp("", "check")
	require.NoError(t, err)
	defer func() { _ = os.RemoveAll(root) }()
	require.NoError(t, os.Chmod(root, 0o755))
	nobody, err := check.UserNamed("nobody")
	require.NoError(t, err)
	folder := filepath.Join(root, "it's")
	for what, prepare := range map[string]func() error{
		"is missing": func() error { return os.RemoveAll(folder) },
		"of root":    func() error { return os.Chown(folder, 0, 0) },
		"mode 0000":  func() error { return os.Chmod(folder, 0) },
	} {
		require.NoError(t, os.MkdirAll(folder, 0o700))
		require.NoError(t, prepare())
		found := nobody.Folder("folder", folder)
		require.Equal(t, check.Failure, found.Level, found.What)
		require.Contains(t, found.What, what)
		out, err := exec.Command("sh", "-c", found.Command).CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, check.OK, nobody.Folder("folder", folder).Level)
	}
	file := filepath.Join(folder, "file")
	require.Equal(t, check.Failure, nobody.File("file", file).Level)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	found := nobody.File("file", file)
	require.Equal(t, check.Failure, found.Level)
	out, err := exec.Command("sh", "-c", found.Command).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, check.OK, nobody.File("file", file).Level)
	require.Contains(t, nobody.Folder("folder", file).What, "is not a folder")
	_, err = check.UserNamed("no such user")
	require.Error(t, err)
}
