package conntrack_accounting

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
)

// TestCases runs the folders of testcases/. Each holds a telegraf.conf and
// either expected.err, what is wrong with it, or
//
//   - flows, "udp FROM TO COUNT SIZE" a line: datagrams that are sent in a network
//     namespace, each of them answered by an echo,
//   - expected.out, the metrics of the gather after them, without their time.
func TestCases(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob(filepath.Join("testcases", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, folders)
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			t.Parallel()
			wrong, err := os.ReadFile(filepath.Join(folder, "expected.err"))
			if err == nil {
				require.EqualError(t, initialize(folder), strings.TrimSuffix(string(wrong), "\n"))
				return
			}
			want, err := os.ReadFile(filepath.Join(folder, "expected.out"))
			require.NoError(t, err)
			require.Equal(t, string(want), metricsOf(t, folder))
		})
	}
}

// initialize does what the host does before it starts a plugin.
func initialize(folder string) error {
	p := New()
	if err := configure(folder, p); err != nil {
		return err
	}
	return p.Init()
}

func configure(folder string, p *Plugin) error {
	return execd.LoadConfig(filepath.Join(folder, "telegraf.conf"), "inputs", "conntrack_accounting", os.LookupEnv, p)
}

// metricsOf returns the metrics of a folder's flows.
func metricsOf(t *testing.T, folder string) string {
	t.Helper()
	l := newLab(t)
	l.start(func(p *Plugin) {
		p.Sums = nil
		require.NoError(t, configure(folder, p))
	})
	l.send(filepath.Join(folder, "flows"))
	l.gather()
	var metrics strings.Builder
	for _, r := range slices.SortedFunc(slices.Values(append(l.rows, l.sums...)), byTags) {
		metrics.WriteString(lineOf(t, r))
	}
	return metrics.String()
}

// send sends the datagrams that a file describes.
func (l *lab) send(flows string) {
	l.t.Helper()
	text, err := os.ReadFile(flows)
	require.NoError(l.t, err)
	echoes := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var from, to string
		var count, size int
		_, err := fmt.Sscanf(line, "udp %s %s %d %d", &from, &to, &count, &size)
		require.NoError(l.t, err, line)
		if !echoes[to] {
			l.ns.EchoUDP(l.t, to)
			echoes[to] = true
		}
		require.NoError(l.t, l.ns.UDP(from, to, count, size), line)
	}
}

func byTags(a, b row) int { return cmp.Compare(nameOf(a), nameOf(b)) }

func lineOf(t *testing.T, r row) string {
	t.Helper()
	var line lineprotocol.Encoder
	line.StartLine(r.name)
	for _, key := range slices.Sorted(maps.Keys(r.tags)) {
		line.AddTag(key, r.tags[key])
	}
	for _, key := range slices.Sorted(maps.Keys(r.fields)) {
		line.AddField(key, lineprotocol.MustNewValue(r.fields[key]))
	}
	line.EndLine(time.Time{})
	require.NoError(t, line.Err())
	return string(line.Bytes())
}
