package conntrack_accounting

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README documents each field, and no other.
func TestInternalFieldsAreDocumented(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	_, keep := withState(t)
	l.start(keep)
	l.gather()
	for name, value := range l.internal {
		require.IsType(t, int64(0), value, name)
	}
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(readme), "\n- "+internalMeasurement+"\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n\n")
	var documented []string
	for _, match := range regexp.MustCompile(`(?m)^    - (\w+) \(`).FindAllStringSubmatch(section, -1) {
		documented = append(documented, match[1])
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(l.internal)), documented)
}

// The plugin's own metric has what happened.
func TestInternalMetrics(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	l.start()
	require.NoError(t, l.ns.TCP("10.32.0.1", "10.33.0.1:80", 5, 1000, 2000))
	flow := l.udp("10.32.0.2")
	flow(3)
	l.gather()
	first := l.internal
	for name, want := range map[string]int64{
		"flows": 6, "table_entries": 6, "series": 2, "destroy_events": 0, "gather_errors": 0, "dump_restarts": 0,
		"decode_errors": 0, "short_flows": 0, "swept_flows": 0, "folded_readings": 0, "missing_flows": 0,
	} {
		require.Equal(t, want, first[name], name)
	}
	require.Positive(t, first["dump_time_ns"])
	require.Positive(t, first["table_max"])
	require.GreaterOrEqual(t, first["close_events"], int64(5), "one or more for each connection")
	require.NotContains(t, first, "state_bytes")

	require.NoError(t, l.ns.TCP("10.32.0.3", "10.33.0.1:80", 2, 1000, 2000))
	l.requireQuiet()
	l.flush()
	l.gather()
	for name, want := range map[string]int64{"flows": 0, "table_entries": 0, "series": int64(len(l.rows)), "destroy_events": 8, "short_flows": 2} {
		require.Equal(t, want, l.internal[name], name)
	}
}

func TestInternalMetricsCanBeLeftOut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start(func(p *Plugin) { p.InternalMetrics = false })
	l.gather()
	require.Nil(t, l.internal)
}

// A gather that fails is counted in the metric.
func TestInternalMetricsOfAFailedGather(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.start()
	require.NoError(t, l.plugin.dumper.Close())
	require.Error(t, l.plugin.Gather(l))
	require.EqualValues(t, 1, l.internal["gather_errors"])
	require.Empty(t, l.rows)
}
