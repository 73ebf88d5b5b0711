package execd

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/plugins/serializers/influx"
	"github.com/stretchr/testify/require"
)

func TestEncoder(t *testing.T) {
	t.Parallel()
	var out, log bytes.Buffer
	e := newEncoder(&out, "test", NewLogger(&log, &log, false))
	acc := agent.NewAccumulator(e, nil)
	at := time.Unix(0, 1_700_000_000_123_456_789)
	acc.AddFields("a b", map[string]any{"i": 1}, map[string]string{"z": "1", "b": "x,y", "none": ""}, at)
	acc.AddGauge("nan", map[string]any{"f": math.NaN(), "g": 2.5}, nil, at)
	acc.AddFields("bad", map[string]any{"f": 1}, map[string]string{"t": `x\`}, at)
	acc.AddCounter("c", map[string]any{"s": "x\ny", "u": uint64(1), "b": true}, nil, at)
	require.Empty(t, out.String())
	require.NoError(t, e.flush())
	require.Equal(t, `a\ b,b=x\,y,z=1 i=1i 1700000000123456789
nan g=2.5 1700000000123456789
c b=true,s="x\ny",u=1u 1700000000123456789
`, sortedFields(out.String()))
	require.Equal(t, "E! dropping a metric that line protocol cannot express: metric \"bad\": invalid tag value t=\"x\\\\\"\n", log.String())
}

// BenchmarkEncode writes the metrics of one large gather into a pipe that is
// read as fast as can be: as we do, and as Telegraf's shim does.
func BenchmarkEncode(b *testing.B) {
	const series = 120_000
	log := NewLogger(io.Discard, io.Discard, false)
	var kept keeper
	require.NoError(b, (&probe{Count: series}).Gather(agent.NewAccumulator(&kept, nil)))
	for _, mode := range []string{"buffered", "shim"} {
		b.Run(mode, func(b *testing.B) {
			r, w, err := os.Pipe()
			require.NoError(b, err)
			read := make(chan error)
			go func() { // until w is closed
				_, err := io.Copy(io.Discard, r)
				read <- err
			}()
			out := newEncoder(w, "test", log)
			acc := agent.NewAccumulator(out, nil)
			shim := &influx.Serializer{SortFields: true}
			require.NoError(b, shim.Init())
			b.ReportAllocs()
			for b.Loop() {
				for _, m := range kept.metrics {
					if mode == "buffered" {
						acc.AddMetric(m)
						continue
					}
					text, err := shim.Serialize(m)
					require.NoError(b, err)
					_, _ = fmt.Fprint(w, string(text))
				}
				require.NoError(b, out.flush())
			}
			require.NoError(b, w.Close())
			require.NoError(b, <-read)
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/gather")
		})
	}
}

// A keeper keeps the metrics of an accumulator.
type keeper struct {
	agent.MetricMaker
	metrics []telegraf.Metric
}

func (k *keeper) MakeMetric(m telegraf.Metric) telegraf.Metric {
	k.metrics = append(k.metrics, m)
	return nil
}
