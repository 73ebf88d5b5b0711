package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// release builds a release of this tree for amd64 into a folder.
func release(t *testing.T, folder, version string) {
	t.Helper()
	root := testkit.Root(t)
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "scripts/release"), folder, "amd64")
	cmd.Env = append(os.Environ(), "VERSION="+version)
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "version"), []byte(version), 0o600))
}

var packaged sync.Once

// packages returns a folder with two releases, older and newer, which are built once for
// all tests. Machines have it, too.
func packages(t *testing.T) (folder string) {
	t.Helper()
	folder = filepath.Join(testkit.Root(t), "build", "test", "packages")
	packaged.Do(func() {
		release(t, filepath.Join(folder, "older"), "0.9.0")
		release(t, filepath.Join(folder, "newer"), "1.0.0")
	})
	return folder
}

// file returns the one file of a folder with this extension.
func file(t *testing.T, folder, extension string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "*"+extension))
	require.NoError(t, err)
	require.Len(t, found, 1, extension)
	return found[0]
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), testkit.Tool(name), args...).CombinedOutput()
	require.NoError(t, err, "%s", output)
	return string(output)
}

// TestPackages looks at the packages with the tools of each kind, and puts the deb
// through a machine's life.
func TestPackages(t *testing.T) {
	testkit.Need(t, "dpkg-deb", "rpm", "lintian", "mmdebstrap", "setpriv", "unshare")
	folder := packages(t)
	newer := filepath.Join(folder, "newer")

	t.Run("contents", func(t *testing.T) {
		want, err := os.ReadFile("testdata/package.list")
		require.NoError(t, err)
		deb := run(t, "dpkg-deb", "--contents", file(t, newer, ".deb"))
		require.Equal(t, string(want), listed(deb))
		rpm := run(t, "rpm", "-qp", "--queryformat", "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} 0 0 0 .%{FILENAMES}\n]", file(t, newer, ".rpm"))
		require.Equal(t, elsewhere.Replace(string(want)), listed(rpm))
		apk := run(t, "tar", "-tvzf", file(t, newer, ".apk"))
		require.Equal(t, elsewhere.Replace(string(want)), listed(regexp.MustCompile(`(?m) (etc|usr)/`).ReplaceAllString(apk, " ./$1/")))
	})
	t.Run("lintian", func(t *testing.T) {
		t.Log(run(t, "lintian", "--allow-root", "--fail-on", "error", file(t, newer, ".deb")))
	})
	t.Run("rpm", func(t *testing.T) {
		require.Contains(t, run(t, "rpm", "-K", "--nosignature", file(t, newer, ".rpm")), "digests OK")
		require.Equal(t, "/etc/telegraf/conntrack_accounting.conf\n/etc/telegraf/vpn_traffic.conf\n", run(t, "rpm", "-qp", "--configfiles", file(t, newer, ".rpm")))
	})
	t.Run("sums", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
		cmd.Dir = newer
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
	})
	system := filepath.Join(t.TempDir(), "system.tar")
	run(t, "mmdebstrap", "--variant=apt", "--include=systemd,procps", codename(t), system)
	t.Run("life", func(t *testing.T) { life(t, system, folder) })
	t.Run("boot", func(t *testing.T) { boot(t, system, folder) })
}

// elsewhere is where other distributions than Debian have what it has at a place of
// its own.
var elsewhere = strings.NewReplacer("zsh/vendor-completions", "zsh/site-functions",
	"-rw-r--r-- root/root ./usr/share/lintian/overrides/telegraf-conntrack-accounting\n", "")

// listed makes of a listing sorted lines of mode, owner and path, without folders.
func listed(listing string) string {
	var files []string
	for line := range strings.Lines(listing) {
		if f := strings.Fields(line); len(f) == 6 && strings.HasPrefix(f[5], "./") && !strings.HasPrefix(f[0], "d") {
			files = append(files, f[0]+" "+f[1]+" "+f[5]+"\n")
		}
	}
	slices.Sort(files)
	return strings.Join(files, "")
}

// codename returns the name of this machine's Debian: its mirror has that.
func codename(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/etc/os-release")
	require.NoError(t, err)
	found := regexp.MustCompile(`(?m)^VERSION_CODENAME=(.+)$`).FindSubmatch(text)
	require.NotNil(t, found, "%s", text)
	return string(found[1])
}

// life installs, runs, upgrades, removes and purges on a fresh Debian.
func life(t *testing.T, system, packages string) {
	gateway := talkative(t)
	machine := testkit.StartChild(t, gateway.Command("unshare", "--mount", "--propagation", "private",
		"sh", "testdata/debian.sh", system, testkit.Telegraf(t), packages, t.TempDir(), "testdata/package.sh"))
	talkUntilEnded(t, gateway, machine)
	require.NoError(t, machine.Wait(time.Minute), "%s\n%s", machine.Stdout(), machine.Stderr())
	require.NotContains(t, machine.Stdout(), "\n< ", "files that were there are gone")
	require.NotContains(t, machine.Stdout(), "\n> ", "a purge leaves files")
}
