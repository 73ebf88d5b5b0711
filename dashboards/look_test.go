package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// A lookCase is one dashboard, drawn once.
type lookCase struct {
	dashboard, data, theme string
	width                  int
}

func (c lookCase) String() string {
	return fmt.Sprintf("%s/%s/%d-%s", c.dashboard, c.data, c.width, c.theme)
}

// lookCases are the combinations that can find something; all are drawn by make look.
func lookCases(all bool) (cases []lookCase) {
	add := func(backend, data string, width int, theme string) {
		for _, file := range slices.Sorted(slices.Values(files(backend))) {
			cases = append(cases, lookCase{strings.TrimSuffix(file, ".json"), data, theme, width})
		}
	}
	if all {
		for _, width := range []int{1600, 390} {
			for _, theme := range []string{"dark", "light"} {
				for _, data := range []string{"day", "event", "dead", "empty"} {
					add("postgres", data, width, theme)
				}
				add("influxdb", "hours", width, theme)
				add("influxdb", "empty", width, theme)
			}
		}
		return cases
	}
	add("postgres", "day", 1600, "dark")
	add("postgres", "event", 390, "light")
	add("postgres", "dead", 1600, "light")
	add("postgres", "empty", 390, "dark")
	add("influxdb", "hours", 1600, "light")
	add("influxdb", "empty", 390, "dark")
	return cases
}

type finding struct{ Rule, Panel, Text string }

type looked struct {
	Failed    string
	Findings  []finding
	Overrides map[string]bool // whether an override matched; of panels that had data
}

// TestLook draws the dashboards with Grafana's own components in a browser, and has the
// page look for what a reader would stumble over. LOOK=all draws every combination, and
// LOOK_PICTURES is a folder for pictures of them.
func TestLook(t *testing.T) {
	testkit.Trial(t)
	modules, page := lookPage(t)
	server := &lookServer{sets: lookSets(t), page: page}
	web := httptest.NewServer(server.handler(modules))
	t.Cleanup(web.Close)
	browse := startBrowser(t, filepath.Dir(modules))
	overrides := map[string]bool{}
	cases, drawn := lookCases(os.Getenv("LOOK") == "all"), 0
	for _, c := range cases {
		t.Run(c.String(), func(t *testing.T) {
			drawn++
			got := browse(web.URL+"/?"+c.query(server.sets[c.data]), c.width, c.picture(t))
			require.Empty(t, got.Failed)
			for _, f := range got.Findings {
				t.Errorf("%s: %q: %s", f.Rule, f.Panel, f.Text)
			}
			for name, matched := range got.Overrides {
				key := c.dashboard + ": " + name
				overrides[key] = overrides[key] || matched
			}
		})
	}
	if drawn < len(cases) {
		return // -run chose some, in which an override need not match
	}
	for name, matched := range overrides {
		if !matched {
			t.Errorf("an override matches no field, whatever the data: %s", name)
		}
	}
}

func (c lookCase) query(set *lookSet) string {
	values := url.Values{"dashboard": {c.dashboard}, "data": {c.data}, "theme": {c.theme}}
	at := func(name string, at time.Time) {
		if !at.IsZero() {
			values.Set(name, fmt.Sprint(at.UnixMilli()))
		}
	}
	at("from", set.from)
	at("to", set.to)
	at("down", set.outage[0])
	at("up", set.outage[1])
	if c.data == "event" {
		values.Set("var-capacity", "1000") // the line of a link, in megabits
	}
	return values.Encode()
}

// picture is the file to draw to, if any.
func (c lookCase) picture(t *testing.T) string {
	folder := os.Getenv("LOOK_PICTURES")
	if folder == "" {
		return ""
	}
	require.NoError(t, os.MkdirAll(folder, 0o755))
	return filepath.Join(folder, strings.ReplaceAll(c.String(), "/", "-")+".png")
}

// lookPage installs what draws the dashboards and bundles the page, both below build/.
func lookPage(t *testing.T) (modules, page string) {
	t.Helper()
	testkit.Need(t, "node", "npm", "chromium", "influx", "influxd")
	dir := installed(t, "look")
	page = filepath.Join(dir, "page")
	run := exec.Command("node", "build.mjs", page)
	run.Dir = dir
	out, err := run.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return filepath.Join(dir, "node_modules"), page
}

// startBrowser starts the browser, and returns what looks at a page.
func startBrowser(t *testing.T, dir string) func(url string, width int, picture string) (got looked) {
	t.Helper()
	drive := exec.Command("node", "drive.mjs", testkit.Tool("chromium"))
	drive.Dir, drive.Stderr = dir, os.Stderr
	in, err := drive.StdinPipe()
	require.NoError(t, err)
	out, err := drive.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, drive.Start())
	t.Cleanup(func() {
		_ = in.Close() // which ends it, and the browser
		require.NoError(t, drive.Wait())
	})
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	return func(url string, width int, picture string) (got looked) {
		require.NoError(t, json.NewEncoder(in).Encode(map[string]any{"url": url, "width": width, "picture": picture}))
		require.True(t, lines.Scan(), "the browser ended: %v", lines.Err())
		require.NoError(t, json.Unmarshal(lines.Bytes(), &got))
		return got
	}
}
