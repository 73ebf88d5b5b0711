// Package deploy_test checks the files that an administrator installs, with the
// programs that will read them.
package deploy_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// TestUnits has systemd read the units as they will be installed: the drop-in
// beside a telegraf.service, and the two of our own with their programs in place.
func TestUnits(t *testing.T) {
	testkit.Need(t, "systemd-analyze")
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("systemd")))

	install := func(program string) (unit string) {
		path := filepath.Join(dir, program)
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700))
		unit = filepath.Join(dir, map[string]string{"telegraf-conntrack-accounting": "conntrack-accounting", "psql-sink": "psql-sink"}[program]+".service")
		text, err := os.ReadFile(unit)
		require.NoError(t, err)
		installed := strings.Replace(string(text), "ExecStart="+program+" ", "ExecStart="+path+" ", 1)
		require.NotEqual(t, string(text), installed, "the unit does not start %s", program)
		require.NoError(t, os.WriteFile(unit, []byte(installed), 0o600))
		return unit
	}
	sink, accounting := install("psql-sink"), install("telegraf-conntrack-accounting")

	telegraf := filepath.Join(dir, "telegraf.service")
	require.NoError(t, os.WriteFile(telegraf, []byte("[Service]\nUser=telegraf\nExecStart=/bin/true\n"), 0o600))

	// It warns about a key that it does not know and succeeds all the same; and
	// it warns about other units of the machine, which are none of our business.
	output, err := exec.CommandContext(t.Context(), testkit.Tool("systemd-analyze"), "verify", telegraf, sink, accounting).CombinedOutput()
	require.NoError(t, err, "%s", output)
	for line := range strings.Lines(string(output)) {
		require.NotContains(t, line, dir)
		require.NotContains(t, line, "telegraf.service")
		require.NotContains(t, line, "psql-sink.service")
		require.NotContains(t, line, "conntrack-accounting.service")
	}
}

// TestExposure has systemd rate what the units leave open to an attacker, from 0 (all
// is closed) to 10.
func TestExposure(t *testing.T) {
	testkit.Need(t, "systemd-analyze")
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("systemd")))
	text, err := os.ReadFile("testdata/telegraf.service")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "telegraf.service"), text, 0o600))
	units := []string{"psql-sink", "psql-sink-listen", "conntrack-accounting", "telegraf"}
	open := make(map[string]string) // what is open, by "SETTING UNIT"
	for n, most := range []float64{1, 1, 1.5, 2} {
		cmd := exec.CommandContext(t.Context(), testkit.Tool("systemd-analyze"), "security", "--offline=true", "--no-pager", filepath.Join(dir, units[n]+".service"))
		output, err := cmd.Output()
		require.NoError(t, err, "%s", output)
		found := regexp.MustCompile(`Overall exposure level for .*: ([0-9.]+)`).FindSubmatch(output)
		require.NotNil(t, found, "%s", output)
		exposure, err := strconv.ParseFloat(string(found[1]), 64)
		require.NoError(t, err)
		require.LessOrEqual(t, exposure, most, "%s", output)
		open["exposure "+units[n]] = string(found[1])
		for _, setting := range regexp.MustCompile(`(?m)^✗ (\S+) `).FindAllSubmatch(output, -1) {
			open["`"+strings.ReplaceAll(string(setting[1]), "|", `\|`)+"` "+units[n]] = "open"
		}
	}
	if strings.HasPrefix(run(t, "systemd-analyze", "--version"), "systemd 252 ") {
		require.Equal(t, open, documented(t, units))
	}
}

// documented returns what docs/packages.md says is open in units.
func documented(t *testing.T, units []string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(t), "docs/packages.md"))
	require.NoError(t, err)
	open := make(map[string]string)
	_, table, _ := strings.Cut(string(text), "\n## What systemd rates\n")
	for _, row := range regexp.MustCompile("(?m)^\\| (exposure|`.*`) \\| *[0-9.]* *\\| *(.*?) *\\| *(.*?) *\\| *(.*?) *\\| *(.*?) *\\|").FindAllStringSubmatch(table, -1) {
		for n, unit := range units {
			if said := strings.Replace(row[2+n], "partly", "open", 1); said != "" {
				open[row[1]+" "+unit] = said
			}
		}
	}
	return open
}

// TestSysctls has sysctl make the settings, in a network namespace, where they
// concern nobody else; it fails at a key that the kernel does not have.
func TestSysctls(t *testing.T) {
	testkit.Need(t, "sysctl")
	const file = "sysctl.d/90-conntrack-accounting.conf"
	settings := readSettings(t, file)
	require.NotEmpty(t, settings)

	gateway := testkit.NewNetns(t)
	gateway.Exec(t, "sysctl", "-q", "-p", file)
	for key, value := range settings {
		require.Equal(t, value, strings.TrimSpace(gateway.Exec(t, "sysctl", "-n", key)), key)
	}
}

// readSettings returns the "key = value" lines of a file.
func readSettings(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	settings := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			settings[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return settings
}

// TestInstall installs twice, the second time with a changed option, and takes
// all but the options away again.
func TestInstall(t *testing.T) {
	root := testkit.Root(t)
	build := exec.CommandContext(t.Context(), "make", "build")
	build.Dir = root
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)

	dir := t.TempDir()
	run := func(target string) string {
		cmd := exec.CommandContext(t.Context(), "make", target, "DESTDIR="+dir)
		cmd.Dir = root
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
		return string(output)
	}
	require.Contains(t, run("install"), "chgrp telegraf /etc/telegraf/vpn_traffic.conf", "nobody but root can read it as it is")
	options, err := os.Stat(filepath.Join(dir, "etc/telegraf/vpn_traffic.conf"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o640), options.Mode())
	changed := filepath.Join(dir, "etc/telegraf/conntrack_accounting.conf")
	require.NoError(t, os.WriteFile(changed, []byte("# changed\n"), 0o600))
	run("install")

	text, err := os.ReadFile(changed)
	require.NoError(t, err)
	require.Equal(t, "# changed\n", string(text))
	for _, file := range []string{
		"usr/local/bin/telegraf-conntrack-accounting", "usr/local/bin/psql-sink", "etc/telegraf/vpn_traffic.conf",
		"etc/sysctl.d/90-conntrack-accounting.conf", "etc/modules-load.d/conntrack-accounting.conf",
		"etc/systemd/system/telegraf.service.d/conntrack.conf", "etc/systemd/system/psql-sink.service",
		"etc/systemd/system/conntrack-accounting.service", "etc/systemd/system/psql-sink-listen.service",
		"usr/local/share/telegraf-conntrack-accounting/nats/gateway.conf", "usr/local/share/telegraf-conntrack-accounting/nats/stream",
		"usr/local/share/telegraf-conntrack-accounting/patroni.yml", "usr/local/share/telegraf-conntrack-accounting/roles.sql", "usr/local/share/telegraf-conntrack-accounting/sample.conf",
		"usr/local/share/man/man1/telegraf-conntrack-accounting.1", "usr/local/share/man/man1/psql-sink.1",
		"usr/local/share/bash-completion/completions/telegraf-conntrack-accounting", "usr/local/share/bash-completion/completions/psql-sink",
		"usr/local/share/zsh/site-functions/_telegraf-conntrack-accounting", "usr/local/share/zsh/site-functions/_psql-sink",
		"usr/local/share/fish/vendor_completions.d/telegraf-conntrack-accounting.fish", "usr/local/share/fish/vendor_completions.d/psql-sink.fish",
		"usr/local/share/doc/telegraf-conntrack-accounting/LICENSE", "usr/local/share/doc/telegraf-conntrack-accounting/THIRD_PARTY_NOTICES",
	} {
		require.FileExists(t, filepath.Join(dir, file))
	}

	said := run("uninstall")
	var left []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			left = append(left, path)
			require.Contains(t, said, "uninstall: keeping "+path+"\n")
		}
		return err
	}))
	require.Equal(t, []string{changed, filepath.Join(dir, "etc/telegraf/vpn_traffic.conf")}, left)
	run("uninstall") // there is nothing to do
}
