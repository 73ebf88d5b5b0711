package progress

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLines(t *testing.T) {
	begin := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	type step struct {
		after      time.Duration
		work, rows int64
		want       string
	}
	for name, test := range map[string]struct {
		options Options
		steps   []step
	}{
		"bytes": {
			Options{Job: "importing", Total: 100_000_000},
			[]step{
				{0, 0, 0, "importing 0 %, 0 rows, 0.0 rows/s, 0.0 B/s"},
				{10 * time.Second, 10_000_000, 123_456, "importing 10 %, 123,456 rows, 12,345 rows/s, 1.0 MB/s, 1m30s left"},
				{20 * time.Second, 40_000_000, 0, "importing 50 %, 123,456 rows, 6,172 rows/s, 2.5 MB/s, 20s left"},
				// The first sample has left the window: 90 MB more in 30 seconds.
				{40 * time.Second, 50_000_000, 1, "importing 100 %, 123,457 rows, 0.1 rows/s, 2.5 MB/s"},
			},
		},
		"a stream": {
			Options{Job: "importing"},
			[]step{{2 * time.Second, 3000, 20, "importing 20 rows, 10 rows/s, 1.5 kB/s"}},
		},
		"slow": {
			Options{Job: "importing", Total: 4_000_000},
			[]step{{10 * time.Second, 1000, 2, "importing 0 %, 2 rows, 0.2 rows/s, 100.0 B/s, 11h7m left"}},
		},
		"for ever": {
			Options{Job: "importing", Total: 1 << 62},
			[]step{{time.Second, 1, 1, "importing 0 %, 1 rows, 1.0 rows/s, 1.0 B/s, more than 1000h left"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMeter(test.options, begin)
			for _, step := range test.steps {
				m.add(step.work, step.rows)
				require.Equal(t, step.want, m.line(begin.Add(step.after)))
			}
		})
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 12345678: "12,345,678", 1 << 62: "4,611,686,018,427,387,904"} {
		require.Equal(t, want, count(n))
	}
}
