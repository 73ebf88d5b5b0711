package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is committed is what the program writes, and each panel has its place.
func TestDashboardsAreCurrent(t *testing.T) {
	uids := map[string]bool{}
	for name, d := range all() {
		want, err := encode(d)
		require.NoError(t, err)
		got, err := os.ReadFile(name)
		require.NoError(t, err, "run: go run -C dashboards .")
		require.Equal(t, string(want), string(got), "%s is not current, run: go run -C dashboards .", name)
		require.False(t, uids[d.UID], "%s is there twice", d.UID)
		uids[d.UID] = true
		require.NotRegexp(t, `[?&]var-\w+=\$\{\w[^:}]*\}`, string(want), "a value in a link is percent-encoded")
		require.LessOrEqual(t, len(d.UID), 40, "Grafana takes no longer uid")
		checkGrid(t, d)
	}
}

func checkGrid(t *testing.T, d *dashboard) {
	t.Helper()
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range d.Panels {
		require.True(t, p.Type == "row" || p.Description != "", "%s of %s tells nothing", p.Title, d.Title)
		require.False(t, ids[p.ID], "%s: a second panel %d", d.Title, p.ID)
		ids[p.ID] = true
		for x := p.Grid.X; x < p.Grid.X+p.Grid.W; x++ {
			for y := p.Grid.Y; y < p.Grid.Y+p.Grid.H; y++ {
				require.Less(t, x, width)
				require.Empty(t, taken[[2]int{x, y}], "%s: %s is in the way of %s", d.Title, taken[[2]int{x, y}], p.Title)
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
