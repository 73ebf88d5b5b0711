package vpn_traffic

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
	"github.com/influxdata/telegraf/plugins/outputs"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/reportfile"
)

func TestSampleConfigShowsTheDefaults(t *testing.T) {
	plugin := outputs.Outputs["vpn_traffic"]()
	require.Equal(t, New(), plugin)
	sample := plugin.SampleConfig()

	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	require.Contains(t, string(readme), "```toml\n"+sample+"```\n")

	shown := New()
	shown.DSN, shown.Spool, shown.SpoolLimit, shown.HostTag, shown.Measurements, shown.CloseTimeout, shown.Archive = "x", "x", 1, "x", nil, 1, true
	shown.ArchiveMaxAge, shown.ArchiveMaxSize = 1, 1
	shown.Retention, shown.RetentionMinute, shown.RetentionHour = 1, 1, 1
	shown.Listen, shown.TLSCert, shown.TLSKey, shown.TLSAllowedCACerts, shown.ClientsFile, shown.MaxBody = nil, "x", "x", []string{"x"}, "x", 1
	live := regexp.MustCompile(`(?m)^  # dsn = ".+"\n`).ReplaceAllString(sample, "") // examples
	live, n := regexp.MustCompile(`(?m)^  # `).ReplaceAllString(live, "  "), strings.Count(live, "\n  # ")
	require.Equal(t, 19, n, "every option is there once")
	path := filepath.Join(t.TempDir(), "sink.conf")
	require.NoError(t, os.WriteFile(path, []byte(live), 0o600))
	require.NoError(t, execd.LoadConfig(path, "outputs", "vpn_traffic", os.LookupEnv, shown))
	require.Equal(t, New(), shown)
}

func TestInitNamesTheWrongOption(t *testing.T) {
	for want, change := range map[string]func(*VPNTraffic){
		"spool is empty":          func(v *VPNTraffic) { v.Spool = "" },
		"spool_limit = 0":         func(v *VPNTraffic) { v.SpoolLimit = 0 },
		"archive_max_age = -1s":   func(v *VPNTraffic) { v.ArchiveMaxAge = -1e9 },
		"archive_max_size = -1":   func(v *VPNTraffic) { v.ArchiveMaxSize = -1 },
		"host_tag is empty":       func(v *VPNTraffic) { v.HostTag = "" },
		`measurements = ["a" ""]`: func(v *VPNTraffic) { v.Measurements = []string{"a", ""} },
		"close_timeout = -1s":     func(v *VPNTraffic) { v.CloseTimeout = -1e9 },
	} {
		v := New()
		change(v)
		require.ErrorContains(t, v.Init(), want)
	}
	require.NoError(t, New().Init())
}

var noon = time.Date(2023, 11, 14, 12, 0, 0, 0, time.UTC)

// traffic returns a metric that is fine, with changes to it: a nil value takes
// a tag or a field away.
func traffic(tags map[string]string, fields map[string]any) telegraf.Metric {
	m := metric.New("conntrack_accounting",
		map[string]string{"host": "gw", "src": "10.32.1.0", "dst": "10.33.0.0", "proto": "tcp", "port": "443"},
		map[string]any{
			"src_packets": int64(1), "src_bytes": int64(2), "dst_packets": int64(3), "dst_bytes": int64(4),
			"connection_count": int64(5), "connection_times": int64(6), "open_connections": int64(7),
		}, noon)
	for name, value := range tags {
		if m.RemoveTag(name); value != "" {
			m.AddTag(name, value)
		}
	}
	for name, value := range fields {
		if m.RemoveField(name); value != nil {
			m.AddField(name, value)
		}
	}
	return m
}

func TestMetricsBecomeRows(t *testing.T) {
	ns := noon.UnixNano()
	whole := reportfile.Row{
		Time: ns, Proto: "tcp", Src: "10.32.1.0", Dst: "10.33.0.0", Port: 443,
		SrcPackets: 1, SrcBytes: 2, DstPackets: 3, DstBytes: 4,
		ConnectionCount: 5, ConnectionTimes: 6, OpenConnections: 7, HasOpen: true,
	}
	with := func(change func(*reportfile.Row)) reportfile.Row {
		row := whole
		change(&row)
		return row
	}
	late := traffic(nil, nil)
	late.SetTime(time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC))
	early := traffic(nil, nil)
	early.SetTime(time.Unix(86400, 0))
	for name, test := range map[string]struct {
		m    telegraf.Metric
		want reportfile.Row
		err  string
	}{
		"whole": {m: traffic(nil, nil), want: whole},
		"unsigned": {
			m:    traffic(nil, map[string]any{"src_bytes": uint64(1 << 53)}),
			want: with(func(r *reportfile.Row) { r.SrcBytes = 1 << 53 }),
		},
		"whole float": {
			m:    traffic(nil, map[string]any{"src_bytes": 1e15}),
			want: with(func(r *reportfile.Row) { r.SrcBytes = 1e15 }),
		},

		"names": {
			m:    traffic(map[string]string{"src_name": "Corp, Ltd", "dst_name": "Web", "src_site": "a", "family": "ipv4"}, nil),
			want: with(func(r *reportfile.Row) { r.SrcName, r.DstName = "Corp, Ltd", "Web" }),
		},
		"bad names": {
			m:    traffic(map[string]string{"src_name": " a\tb\x01", "dst_name": strings.Repeat("x", 300)}, nil),
			want: with(func(r *reportfile.Row) { r.SrcName, r.DstName = "a b", strings.Repeat("x", 255) }),
		},

		"no src":          {m: traffic(map[string]string{"src": ""}, nil), err: "tag src is missing"},
		"no dst":          {m: traffic(map[string]string{"dst": ""}, nil), err: "tag dst is missing"},
		"no proto":        {m: traffic(map[string]string{"proto": ""}, nil), err: "tag proto is missing"},
		"no port":         {m: traffic(map[string]string{"port": ""}, nil), err: "tag port is missing"},
		"odd port":        {m: traffic(map[string]string{"port": "http"}, nil), err: "tag port is not -1 to 65535"},
		"comma":           {m: traffic(map[string]string{"src": "a,b"}, nil), err: "src is neither an address nor a prefix"},
		"odd dst":         {m: traffic(map[string]string{"dst": "gw.example.org"}, nil), err: "dst is neither an address nor a prefix"},
		"odd proto":       {m: traffic(map[string]string{"proto": "10.32.1.0"}, nil), err: "proto is neither the name of a protocol nor its number, 0 to 255"},
		"too many bytes":  {m: traffic(nil, map[string]any{"dst_bytes": int64(1<<53 + 1)}), err: "dst_bytes is more than 2^53, which no gateway forwards in an interval"},
		"odd host":        {m: traffic(map[string]string{"host": "a\x01"}, nil), err: "tag host holds a control character"},
		"no packets":      {m: traffic(nil, map[string]any{"src_packets": nil}), err: "field src_packets is missing"},
		"no bytes":        {m: traffic(nil, map[string]any{"dst_bytes": nil}), err: "field dst_bytes is missing"},
		"text":            {m: traffic(nil, map[string]any{"dst_bytes": "4"}), err: "field dst_bytes is not a number"},
		"truth":           {m: traffic(nil, map[string]any{"dst_bytes": true}), err: "field dst_bytes is not a number"},
		"negative":        {m: traffic(nil, map[string]any{"connection_times": int64(-1)}), err: "connection_times is negative"},
		"negative float":  {m: traffic(nil, map[string]any{"src_bytes": -1.0}), err: "src_bytes is negative"},
		"fraction":        {m: traffic(nil, map[string]any{"src_bytes": 1.5}), err: "field src_bytes is not a whole number"},
		"not a number":    {m: traffic(nil, map[string]any{"src_bytes": math.NaN()}), err: "field src_bytes is not a whole number"},
		"infinite":        {m: traffic(nil, map[string]any{"src_bytes": math.Inf(1)}), err: "field src_bytes does not fit 64 bits with a sign"},
		"beyond as float": {m: traffic(nil, map[string]any{"src_bytes": 9223372036854775808.0}), err: "field src_bytes does not fit 64 bits with a sign"},
		"year 3000":       {m: late, err: "time is out of range"},
		"1970":            {m: early, err: "time is before 2000: a clock was off"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBatch("conntrack_accounting", "traffic")
			host, _ := test.m.GetTag("host")
			row, err := b.row(test.m, host)
			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.want, row)
		})
	}
}

// newBatch returns a batch of a sink that takes these measurements.
func newBatch(measurements ...string) *Batch {
	sink := New()
	sink.Measurements = measurements
	return sink.NewBatch("", nil)
}

// What the input says of itself is no traffic, and no reason to complain.
func TestInternalMetricsAreLeftOut(t *testing.T) {
	fields := map[string]any{"destroy_events": int64(1), "flows": int64(2)}
	for _, name := range []string{"conntrack_accounting_internal", "traffic"} {
		b := newBatch(New().Measurements...)
		b.Add(metric.New(name, map[string]string{"host": "gw"}, fields, noon))
		b.Add(traffic(nil, map[string]any{"destroy_events": int64(1)}))
		require.Zero(t, b.rejected.total, name)
		require.Equal(t, []string{"gw"}, b.hosts)
		require.Equal(t, 1, strings.Count(string(b.reports["gw"]), "\n"))
	}
	b := newBatch("conntrack_accounting_internal") // which asks for it
	b.Add(metric.New("conntrack_accounting_internal", nil, fields, noon))
	require.Equal(t, 1, b.rejected.total)
}

func TestRejectedMetricsAreSummedUp(t *testing.T) {
	b := newBatch("a")
	for _, name := range []string{"b", "c", "b", "d", "e", "f", "g"} {
		m := traffic(nil, map[string]any{"note": "two\nlines"})
		m.SetName(name)
		m.RemoveTag("src")
		b.Add(m)
	}
	require.Empty(t, b.hosts)
	require.Equal(t, 7, b.rejected.total)
	require.Equal(t, `foreign measurement "b": 2, foreign measurement "c": 1, foreign measurement "d": 1, `+
		`foreign measurement "e": 1, foreign measurement "f": 1, 1 other reasons`, b.rejected.summary())
	lines := strings.Split(string(b.rejected.text), "\n")
	require.Equal(t, `# foreign measurement "b"`, lines[0])
	require.Contains(t, lines[1], `b,dst=10.33.0.0,host=gw,port=443,proto=tcp `)
	require.Contains(t, lines[1], `src_packets=1i`) // fields come in any order

	huge := traffic(map[string]string{"src": "x"}, map[string]any{"note": strings.Repeat("x\n", maxMetric)})
	b = newBatch(New().Measurements...)
	b.Add(huge)
	require.Equal(t, 2, strings.Count(string(b.rejected.text), "\n"), "of what is too long, its beginning in a comment")
	require.Equal(t, 2, strings.Count("\n"+string(b.rejected.text), "\n# "))
}
