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

var packaged sync.Once

// packages returns a folder with two releases, older and newer, which are built once for
// all tests. Machines have it, too. The older one has other options for the input.
func packages(t *testing.T) (folder string) {
	t.Helper()
	folder = filepath.Join(testkit.Root(t), "build", "test", "packages")
	packaged.Do(func() {
		tree := copyTree(t)
		sample := filepath.Join(tree, "plugins/inputs/conntrack_accounting/sample.conf")
		options, err := os.ReadFile(sample)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(sample, append(options, "# Of an older version.\n"...), 0o600))
		release(t, tree, filepath.Join(folder, "older"), "0.9.0", "022")
		release(t, testkit.Root(t), filepath.Join(folder, "newer"), "1.0.0", "022")
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
	testkit.Trial(t)
	testkit.Need(t, "dpkg-deb", "rpm", "lintian", "mmdebstrap", "setpriv", "unshare")
	folder := packages(t)
	newer := filepath.Join(folder, "newer")

	t.Run("contents", func(t *testing.T) {
		want := blocksOf(t, "text", testkit.Root(t), "docs/packages.md", "## Files")[0]
		deb := run(t, "dpkg-deb", "--contents", file(t, newer, ".deb"))
		require.Equal(t, want, listed(deb))
		rpm := run(t, "rpm", "-qp", "--queryformat", "[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} 0 0 0 .%{FILENAMES}\n]", file(t, newer, ".rpm"))
		require.Equal(t, elsewhere.Replace(want), listed(rpm))
		apk := run(t, "tar", "-tvzf", file(t, newer, ".apk"))
		require.Equal(t, elsewhere.Replace(want), listed(regexp.MustCompile(`(?m) (etc|usr)/`).ReplaceAllString(apk, " ./$1/")))
	})
	t.Run("lintian", func(t *testing.T) {
		t.Log(run(t, "lintian", "--allow-root", "--fail-on", "error", file(t, newer, ".deb")))
	})
	t.Run("rpm", func(t *testing.T) {
		require.Contains(t, run(t, "rpm", "-K", "--nosignature", file(t, newer, ".rpm")), "digests OK")
		require.Equal(t, "/etc/telegraf/conntrack_accounting.conf\n/etc/telegraf/vpn_traffic.conf\n", run(t, "rpm", "-qp", "--configfiles", file(t, newer, ".rpm")))
	})
	t.Run("again", func(t *testing.T) {
		again := t.TempDir()
		release(t, copyTree(t), again, "1.0.0", "077")
		require.Equal(t, sums(t, newer), sums(t, again), "another folder, umask, time zone and age of files make another release")
	})
	t.Run("sums", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
		cmd.Dir = newer
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
	})
	system := filepath.Join(t.TempDir(), "system.tar")
	run(t, "mmdebstrap", "--variant=apt", "--include=systemd,procps", codename(t), system)
	t.Run("rpm's life", func(t *testing.T) {
		said := run(t, "unshare", "--mount", "--propagation", "private", "sh", "testdata/rpm.sh", system, folder, t.TempDir())
		require.Equal(t, leaves, said)
	})
	t.Run("life", func(t *testing.T) { life(t, system, folder) })
	t.Run("boot", func(t *testing.T) { boot(t, system, folder) })
}

// leaves is what rpm says of options that were changed, and what stays when it erases the
// package: them, data, and folders that on its own distributions belong to fish and zsh.
const leaves = `warning: /etc/telegraf/conntrack_accounting.conf created as /etc/telegraf/conntrack_accounting.conf.rpmnew
warning: /etc/telegraf/conntrack_accounting.conf saved as /etc/telegraf/conntrack_accounting.conf.rpmsave
> /etc/telegraf
> /etc/telegraf/conntrack_accounting.conf.rpmnew
> /etc/telegraf/conntrack_accounting.conf.rpmsave
> /usr/share/fish
> /usr/share/fish/vendor_completions.d
> /usr/share/zsh/site-functions
> /var/lib/conntrack-accounting
> /var/lib/psql-sink
> /var/lib/psql-sink/report
`

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
