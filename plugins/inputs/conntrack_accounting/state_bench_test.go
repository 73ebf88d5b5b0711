package conntrack_accounting

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/statefile"
)

// BenchmarkState saves and resumes states. In the same run it writes as many
// bytes to a file, which is the limit of saving, and has a Tracker meet as many
// flows in a dump, which every start does; the ratios are to these.
func BenchmarkState(b *testing.B) {
	for _, flows := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("flows=%d", flows), func(b *testing.B) {
			t := benchTracker(b, flows)
			file := filepath.Join(b.TempDir(), "state")
			var saving, writing, resuming, meeting time.Duration
			b.ReportAllocs()
			for b.Loop() {
				saving += timed(b, func() error {
					state, err := t.AppendState(make([]byte, 0, 50*flows))
					require.NoError(b, err)
					_, err = statefile.Write(file, statefile.Origin{}, state)
					return err
				})
				content, err := os.ReadFile(file)
				require.NoError(b, err)
				writing += timed(b, func() error { return os.WriteFile(file+".raw", content, 0o600) })
				resuming += timed(b, func() error { return resumeFrom(file) })
				meeting += timed(b, func() error { meet(accounting.NewTracker(benchConfig()), flows); return nil })
			}
			info, err := os.Stat(file)
			require.NoError(b, err)
			n := float64(b.N)
			b.ReportMetric(saving.Seconds()*1000/n, "save-ms")
			b.ReportMetric(saving.Seconds()/writing.Seconds(), "save/write")
			b.ReportMetric(resuming.Seconds()*1000/n, "resume-ms")
			b.ReportMetric(resuming.Seconds()/meeting.Seconds(), "resume/dump")
			b.ReportMetric(float64(info.Size())/float64(flows), "B/flow")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func timed(b *testing.B, do func() error) time.Duration {
	start := time.Now()
	require.NoError(b, do())
	return time.Since(start)
}

func resumeFrom(file string) error {
	s, err := statefile.Read(file)
	if err != nil {
		return err
	}
	return accounting.NewTracker(benchConfig()).Resume(s.Body, s.Written)
}

func benchConfig() accounting.Config {
	return accounting.Config{MaxSeries: 1000, MissingTTL: time.Minute}
}

func benchTracker(b *testing.B, flows int) *accounting.Tracker {
	t := accounting.NewTracker(benchConfig())
	meet(t, flows)
	t.Take(&accounting.Interval{})
	state, err := t.AppendState(nil)
	require.NoError(b, err)
	require.Greater(b, len(state), 20*flows, "no such state")
	return t
}

// meet shows the Tracker a dump of TCP flows, all of one series.
func meet(t *accounting.Tracker, flows int) {
	t.BeginDump(time.Unix(1_700_000_000, 0))
	for i := range flows {
		f := accounting.Flow{ID: uint32(i) * 2_654_435_761, Proto: 6, TCPState: 3, HasCounters: true, Start: 1_700_000_000_000_000_000 + int64(i)}
		f.Orig.Src, f.Orig.Dst = accounting.Addr{10: 0xff, 11: 0xff}, accounting.Addr{10: 0xff, 11: 0xff, 15: 1}
		binary.BigEndian.PutUint32(f.Orig.Src[12:], uint32(i))
		f.OrigCounters, f.ReplyCounters = accounting.Counters{Packets: uint64(i) % 1000, Bytes: uint64(i)}, accounting.Counters{Packets: 100, Bytes: 100_000}
		t.Observe(&f)
	}
	t.EndDump(true, true)
}
