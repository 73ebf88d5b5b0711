package execd

import (
	"io"
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/plugins/serializers/influx"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/lines"
)

// sinkOfTest keeps the metrics that are written to it.
type sinkOfTest struct {
	telegraf.Output
	metrics []telegraf.Metric
}

func (o *sinkOfTest) Write(metrics []telegraf.Metric) error {
	o.metrics = append(o.metrics, metrics...)
	return nil
}

// FuzzTelegrafLines: whatever Telegraf's own serializer writes about a metric is
// read as that metric, between others and however the stream is cut.
func FuzzTelegrafLines(f *testing.F) {
	f.Add("traffic", "src", "10.32.1.0", "src_bytes", "x\ny\"z\\", int64(-1), uint64(math.MaxUint64), 2.5, int64(1_700_000_000_000_000_001), uint8(7))
	f.Add("a b,c", "k=,", `v\ `, "f g", "#", int64(math.MaxInt64), uint64(0), -1e300, int64(math.MinInt64), uint8(0))
	f.Fuzz(func(t *testing.T, name, tag, value, field, text string, whole int64, unsigned uint64, float float64, ns int64, chunk uint8) {
		for _, s := range []string{name, tag, value, field, text} {
			if !expressible(s) {
				return
			}
		}
		if text != strings.ReplaceAll(text, "\r", "") || name[0] == '#' || math.IsNaN(float) || math.IsInf(float, 0) {
			return
		}
		want := metric.New(name, map[string]string{tag: value}, map[string]any{
			field + "i": whole, field + "u": unsigned, field + "f": float, field + "s": text, field + "b": whole < 0,
		}, time.Unix(0, ns))
		mark := metric.New("mark", nil, map[string]any{"n": int64(1)}, time.Unix(1, 0))
		serializer := &influx.Serializer{UintSupport: true}
		require.NoError(t, serializer.Init())
		stream, err := serializer.SerializeBatch([]telegraf.Metric{mark, want, mark})
		require.NoError(t, err)

		sink, bad := &sinkOfTest{}, &rejectsOfTest{}
		h := &outputHost{session: &session{log: bad}, lines: lines.NewSplitter(), plugin: sink}
		for rest := stream; len(rest) > 0; {
			n := min(int(chunk)+1, len(rest))
			h.lines.Add(rest[:n])
			require.NoError(t, h.take(false))
			rest = rest[n:]
		}
		require.NoError(t, h.finish(io.EOF))
		require.Empty(t, bad.lines, "%q", stream)
		require.Len(t, sink.metrics, 3, "%q", stream)
		got := sink.metrics[1]
		require.Equal(t, want.Name(), got.Name())
		require.Equal(t, want.Tags(), got.Tags())
		require.Equal(t, want.Fields(), got.Fields())
		require.Equal(t, want.Time().UnixNano(), got.Time().UnixNano())
		require.Equal(t, "mark", sink.metrics[2].Name())
	})
}

// expressible reports whether line protocol has a way to write a text as a name,
// a key or a tag's value: Telegraf leaves out or changes the rest.
func expressible(s string) bool {
	return s != "" && utf8.ValidString(s) && !strings.HasSuffix(s, `\`) && strings.IndexFunc(s, unicode.IsControl) < 0
}
