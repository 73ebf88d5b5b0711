package spool_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/spool"
	"telegraf-conntrack-accounting/internal/testkit"
)

// Somebody who may write to the spool's folders plants links and pipes where the
// sink is about to write: it follows none, waits for none, and keeps all.
func TestPlantedLinksAndPipes(t *testing.T) {
	testkit.Need(t, "mkfifo") // as root
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
	options := spool.Options{Reserve: 1 << 20, RejectedLimit: 1 << 20}
	open(t, dir, options)
	for _, folder := range []string{"", "new", "rejected"} {
		require.NoError(t, os.Chmod(filepath.Join(dir, folder), 0o777))
	}
	victim := filepath.Join(t.TempDir(), "victim")
	require.NoError(t, os.WriteFile(victim, []byte("as it was\n"), 0o600))
	plant := exec.Command("sh", "-ec", `
		cd "$1"
		ln -s "$2" rejected/metrics-20231114.txt
		mkfifo rejected/metrics-20231114-2.txt
		ln -s "$2" rejected/a.csv.why
		ln -s "$2" .reserve
		ln -s "$2" new/link.csv
		mkfifo new/pipe.csv
		mkdir new/folder.csv new/.1-1-000001_.csv.tmp
		touch new/.1-1-000001_.csv.tmp/full`, "sh", dir, victim)
	plant.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := plant.CombinedOutput()
	require.NoError(t, err, string(out))

	s := open(t, dir, options)
	require.NoError(t, s.Room())
	name, kept, err := s.Reject(time.Unix(1700000000, 0), []byte("# bad\nbad\n"))
	require.NoError(t, err)
	require.True(t, kept)
	require.Equal(t, "metrics-20231114-3.txt", filepath.Base(name))
	drop(t, dir, "a.csv", "bad\n", time.Hour)
	entries := list(t, s)
	require.Len(t, entries, 1)
	require.Equal(t, []string{`"folder.csv" (folder)`, `"link.csv" (symbolic link)`, `"pipe.csv" (named pipe)`}, s.Strange())
	rejects := s.Rejects(entries[0])
	require.NoError(t, rejects.Add(&reportfile.BadLine{Number: 1, Text: "bad", Reason: errors.New("is bad")}))
	require.NoError(t, rejects.Commit())
	require.NoError(t, s.Quarantine(entries[0], errors.New("no row")))

	text, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "as it was\n", string(text))
	info, err := os.Lstat(filepath.Join(dir, ".reserve"))
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())
	require.Subset(t, names(t, dir, "rejected"), []string{"a.csv.1", "a.csv.2", "a.csv.2.why"})
}

// A spool that others own or may write to is named, with what to do.
func TestExposedFolders(t *testing.T) {
	testkit.Need(t)
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	require.Equal(t, check.OK, s.Exposed().Level)
	for name, change := range map[string]func(path string) error{
		"new":      func(path string) error { return os.Chmod(path, 0o770) },
		"rejected": func(path string) error { return os.Chmod(path, 0o757) },
		"later":    func(path string) error { return os.Chown(path, 65534, 0) },
	} {
		require.NoError(t, change(filepath.Join(dir, name)))
	}
	found := s.Exposed()
	require.Equal(t, check.Warning, found.Level)
	require.Contains(t, found.What, "may write to "+dir+"/new (mode 0770, of root), "+dir+"/rejected (mode 0757, of root), "+dir+"/later (mode 0750, of nobody): ")
	require.Equal(t, "chown -R root "+dir+" && chmod -R go-w "+dir, found.Command)
	out, err := exec.Command("sh", "-c", found.Command).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, check.OK, s.Exposed().Level, "the remedy helps")
}
