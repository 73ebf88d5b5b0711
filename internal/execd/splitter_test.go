package execd

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/lines"
)

// split runs text through a splitter and the decoder, in chunks, and returns
// the names of the metrics and the numbers of the bad lines.
func split(text string, chunk int) (names []string, bad []int) {
	h := newOutputOfTest()
	for rest := []byte(text); len(rest) > 0; {
		n := min(chunk, len(rest))
		h.lines.Add(rest[:n])
		rest = rest[n:]
		_ = h.take(false)
	}
	_ = h.finish(io.EOF)
	plugin := h.plugin.(*namesOfTest)
	return plugin.names, plugin.bad
}

func newOutputOfTest() *outputHost {
	lines := lines.NewSplitter()
	return &outputHost{session: &session{log: &rejectsOfTest{}}, lines: lines, plugin: &namesOfTest{lines: lines}}
}

// namesOfTest keeps the names of the metrics that are written to it, and the
// numbers of all bad lines: the log has the first ones only.
type namesOfTest struct {
	telegraf.Output
	names []string
	lines *lines.Splitter
	bad   []int
}

func (o *namesOfTest) Rejected([]byte, error) { o.bad = append(o.bad, o.lines.Line()) }

func (o *namesOfTest) Write(metrics []telegraf.Metric) error {
	for _, m := range metrics {
		o.names = append(o.names, m.Name())
	}
	return nil
}

// rejectsOfTest keeps the line numbers of rejected lines.
type rejectsOfTest struct {
	logger
	lines []int
}

func (r *rejectsOfTest) Errorf(_ string, args ...any) {
	if line, ok := args[0].(int); ok {
		r.lines = append(r.lines, line)
	}
}

func TestSplitter(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300_000)
	for name, c := range map[string]struct {
		text  string
		names []string
		bad   []int
	}{
		"lines":              {"a f=1 1\nb f=2 2\r\n\n# c\nd f=1i\n", []string{"a", "b", "d"}, nil},
		"bad between":        {"a f=1 1\nb f=\nc\nd f=1 1\n", []string{"a", "d"}, []int{2, 3}},
		"newline in string":  {"a f=\"x\ny\" 1\nb f=1 1\n", []string{"a", "b"}, nil},
		"many newlines":      {"a f=\"x\n\n\n# \\\"y\\\\\",g=1i 1\nb 1\n", []string{"a"}, []int{5}},
		"open string":        {"a f=\"x 1\nb f=1 1\nc f=1 1\n", nil, []int{1}},
		"open, then string":  {"a f=\"x 1\nb f=1 1\nc f=\"z\" 1\nd f=1 1\n", []string{"b", "c", "d"}, []int{1}},
		"open, open":         {"a f=\"x 1\nb f=\"y 1\nc f=1 1\n", nil, []int{1, 2}},
		"quote in tag":       {"a,t=\"x f=1 1\nb,t=\\ \" f=1 1\nc\" f=1 1\n", []string{"a", "b", "c\""}, nil},
		"quote in comment":   {"# \" f=\"\na f=1 1\n", []string{"a"}, nil},
		"double backslash":   {"a,t=\\\\ f=\"x\ny\" 1\nb f=1 1\n", []string{"b"}, []int{1, 2}},
		"escaped key":        {"a\\ b,t\\=u=\\,v f=1 1\n", []string{"a b"}, nil},
		"long line":          {"a f=\"" + long + "\" 1\n" + long + "\nb f=1 1\n", []string{"a", "b"}, []int{2}},
		"never closed":       {"b f=1 1\na f=\"\n" + strings.Repeat("b f=1 1\n", 20_000), []string{"b"}, []int{2}},
		"bad, with a string": {"a f=99999999999999999999i,s=\"x\nb f=1 1\ny\" 1\nc f=1 1\n", []string{"c"}, []int{1}},
		"large string":       {"a s=\"" + strings.Repeat("x\nb f=1 1\n", 10_000) + "\" 1\nc f=1 1\n", []string{"a", "c"}, nil},
		"huge string":        {"a s=\"" + strings.Repeat("x\nb f=1 1\n", 200_000) + "\" 1\nc f=1 1\nd\n", []string{"c"}, []int{1, 400_003}},
		"huge line":          {strings.Repeat("a", 3_000_000) + "\nb f=1 1\n" + strings.Repeat("c", 3_000_000) + " f=\"\nd f=1 1\n\" 1\ne f=1 1\n", []string{"b", "e"}, []int{1, 3}},
		"quote in key":       {"a f\"=1i 1\nb f=1 1\nc \"f=1 1\n", []string{"a", "b", "c"}, nil},
		"quote in value":     {"a f=1\" 1\nb f=1 1\n", []string{"b"}, []int{1}},
		"quoted many times":  {strings.Repeat("a b=\"\\\"\n", 1000) + "\"\nc f=1 1\n", []string{"a", "c"}, countTo(999)},
		"not utf-8":          {"a,t=\xff f=1 1\nb f=1 1\n", []string{"b"}, []int{1}},
		"too large":          {"a f=9223372036854775808i 1\nb f=18446744073709551615u 1\n", []string{"b"}, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, chunk := range []int{1 << 20, 64 << 10, 7, 1} {
				if chunk*100_000 < len(c.text)*10_000 {
					continue // one byte at a time takes too long
				}
				names, bad := split(c.text, chunk)
				require.Equal(t, c.names, names, "in chunks of %d", chunk)
				require.Equal(t, c.bad, bad, "in chunks of %d", chunk)
			}
		})
	}
}

func countTo(n int) (all []int) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

func TestDecodeEntry(t *testing.T) {
	t.Parallel()
	now := time.Unix(5, 6)
	m, err := lines.Decode([]byte(`traffic,src=10.0.0.0,proto=tcp a=1i,b=2u,c=2.5,d=t,e="x y" 1700000000000000001`), now)
	require.NoError(t, err)
	require.Equal(t, metric.New("traffic", map[string]string{"proto": "tcp", "src": "10.0.0.0"}, nil, time.Unix(0, 1700000000000000001)).Tags(), m.Tags())
	require.Equal(t, map[string]any{"a": int64(1), "b": uint64(2), "c": 2.5, "d": true, "e": "x y"}, m.Fields())
	require.EqualValues(t, 1700000000000000001, m.Time().UnixNano())

	m, err = lines.Decode([]byte("a f=1"), now)
	require.NoError(t, err)
	require.Equal(t, now, m.Time())

	_, err = lines.Decode([]byte("a,b f=1"), now)
	require.EqualError(t, err, `at column 3: expected '=' after tag key "b", but got ' ' instead`)
}

// FuzzLines checks that lines arrive the same however the stream is cut, that
// nothing makes the reader lose its place, and that what was decoded survives
// encoding and decoding.
func FuzzLines(f *testing.F) {
	f.Add("a,t=x f=1i,g=\"s\" 1\nb f=\"x\ny\" 1\n", uint8(3))
	f.Add("a f=\"x 1\nb f=\"y\" 1\n", uint8(1))
	f.Add("\\\" \"\n# \"\n\\ f=\"\\\n\"\n", uint8(2))
	f.Fuzz(func(t *testing.T, text string, chunk uint8) {
		const end = "\n\"\nmarker f=1i 1\n"
		all, allBad := split(text+end, len(text)+len(end))
		cut, cutBad := split(text+end, int(chunk)+1)
		require.Equal(t, all, cut)
		require.Equal(t, allBad, cutBad)
		require.NotEmpty(t, all)
		require.Equal(t, "marker", all[len(all)-1], "a good line is read whatever came before it")
		require.True(t, slices.IsSorted(allBad))
		require.LessOrEqual(t, len(all)+len(allBad), strings.Count(text+end, "\n"))
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("a,t=x f=1i,g=\"s\" 1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := lines.Decode(text, time.Unix(1, 0))
		if err != nil || m == nil {
			return
		}
		var out bytes.Buffer
		e := newEncoder(&out, "test", &rejectsOfTest{})
		if e.encode(m) != nil {
			return // what line protocol can say, but Telegraf cannot
		}
		again, err := lines.Decode(bytes.TrimSuffix(e.line.Bytes(), []byte("\n")), time.Time{})
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(m.Tags(), m.Fields(), m.Time()), fmt.Sprint(again.Tags(), again.Fields(), again.Time()))
	})
}

func BenchmarkTake(b *testing.B) {
	var text bytes.Buffer
	for i := range batchLines {
		fmt.Fprintf(&text, "conntrack_accounting,dst=10.0.%d.0,host=gateway,port=443,proto=tcp,src=10.1.%d.0 connection_count=1i,connection_times=%di,"+
			"dst_bytes=12345678i,dst_packets=1234i,src_bytes=1234567i,src_packets=123i 1700000000000000000\n", i/256, i%256, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		h := newOutputOfTest()
		for rest := text.Bytes(); len(rest) > 0; {
			n := min(64<<10, len(rest))
			h.lines.Add(rest[:n])
			_ = h.take(false)
			rest = rest[n:]
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batchLines, "ns/line")
}
