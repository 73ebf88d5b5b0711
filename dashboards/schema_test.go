package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"telegraf-conntrack-accounting/internal/testkit"
)

// installed copies a folder of ours with a package.json into build/, has npm install
// there what it needs unless it is there already, and returns where that is.
func installed(t *testing.T, name string) string {
	t.Helper()
	testkit.Need(t, "node", "npm")
	dir := filepath.Join(testkit.Root(t), "build", name)
	lock, err := os.ReadFile(filepath.Join(name, "package-lock.json"))
	require.NoError(t, err)
	had, err := os.ReadFile(filepath.Join(dir, "installed"))
	fresh := err == nil && bytes.Equal(had, lock)
	copyFiles(t, name, dir)
	if !fresh {
		install := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
		install.Dir = dir
		out, err := install.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "installed"), lock, 0o644))
	}
	return dir
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, name[len(from):])
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	}))
}

// checker returns what checks dashboards against Grafana's published schema.
func checker(t *testing.T) func(files ...string) (string, error) {
	t.Helper()
	dir := installed(t, "schema")
	return func(files ...string) (string, error) {
		out, err := exec.Command("node", append([]string{filepath.Join(dir, "check.mjs")}, files...)...).CombinedOutput()
		return string(out), err
	}
}

func TestDashboardsFitTheSchema(t *testing.T) {
	check := checker(t)
	want := map[string]string{"elsewhere": "0"}
	for name := range all() {
		want[name] = "0"
	}
	// And what does not fit is found.
	text, err := os.ReadFile("postgres/connections.json")
	require.NoError(t, err)
	for from, to := range map[string]string{
		`"schemaVersion": 42`: `"schemaVersion": "42"`,
		`"graphMode": "none"`: `"graphMode": "nothing"`,
		`"drawStyle"`:         `"drawstyle"`,
		`"gridPos"`:           `"gridpos"`,
	} {
		require.Contains(t, string(text), from)
		bad := filepath.Join(t.TempDir(), "bad.json")
		require.NoError(t, os.WriteFile(bad, bytes.ReplaceAll(text, []byte(from), []byte(to)), 0o644))
		want[bad] = "[1-9][0-9]*"
	}
	files := slices.DeleteFunc(slices.Collect(maps.Keys(want)), func(name string) bool { return name == "elsewhere" })
	out, err := check(files...) // at once: the compiler takes longer for the types than for them
	require.Error(t, err)
	for name, problems := range want {
		require.Regexp(t, "(?m)^"+regexp.QuoteMeta(name)+": "+problems+" problems$", out)
	}
}

// What is provisioned finds the files, and names no datasource that a dashboard
// could not choose.
func TestProvisioning(t *testing.T) {
	var sources struct {
		Version     int `yaml:"apiVersion"`
		Datasources []struct{ Name, UID, Type, URL string }
	}
	var providers struct {
		Version   int `yaml:"apiVersion"`
		Providers []struct {
			Name, Type string
			Options    struct{ Path string }
		}
	}
	read := func(name string, into any) {
		text, err := os.ReadFile(filepath.Join("provisioning", name, "conntrack-accounting.yaml"))
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(text, into))
	}
	read("datasources", &sources)
	read("dashboards", &providers)
	require.Equal(t, 1, sources.Version)
	require.Equal(t, 1, providers.Version)
	types := map[string]bool{}
	for _, s := range sources.Datasources {
		types[s.Type] = true
	}
	for name, d := range all() {
		for _, v := range d.Templating.List {
			if v.Type == "datasource" {
				require.True(t, types[v.Query.(string)], "%s chooses a %s", name, v.Query)
			}
		}
	}
	for _, p := range providers.Providers {
		folder := filepath.Base(p.Options.Path)
		require.NotEmpty(t, files(folder), "%s has no dashboards", folder)
	}
}
