package accounting

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseGroupBy(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want GroupBy
	}{
		{nil, GroupBy{}},
		{[]string{"zone", "mark", "family", "source_port_range"}, GroupBy{Zone: true, MarkMask: 0xffffffff, Family: true, SourcePorts: portRanges}},
		{[]string{"mark/0xff00"}, GroupBy{MarkMask: 0xff00}},
		{[]string{"mark/7", "source_port_range/1024"}, GroupBy{MarkMask: 7, SourcePorts: 1024}},
	} {
		got, err := ParseGroupBy(c.keys)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	for _, c := range []struct {
		keys []string
		says string
	}{
		{[]string{"vlan"}, `"vlan": unknown key`},
		{[]string{""}, `"": unknown key`},
		{[]string{"zone/1"}, `"zone/1": unknown key`},
		{[]string{"family/4"}, `"family/4": unknown key`},
		{[]string{"mark", "zone", "mark/1"}, `"mark/1": the key is there twice`},
		{[]string{"mark/"}, `"mark/": want a mask`},
		{[]string{"mark/0"}, `"mark/0": want a mask`},
		{[]string{"mark/0x1ffffffff"}, "want a mask"},
		{[]string{"source_port_range/0"}, `"source_port_range/0": want 1 to 32768`},
		{[]string{"source_port_range/ten"}, "want 1 to 32768"},
	} {
		_, err := ParseGroupBy(c.keys)
		require.ErrorContains(t, err, c.says)
	}
}

// tagsOf returns all tags of a series, as a text.
func tagsOf(tr *Tracker, s *Series) string {
	tags := map[string]string{"src": s.Key.Src.String(), "dst": s.Key.Dst.String(), "proto": ProtoName(s.Key.Proto), "port": fmt.Sprint(s.Key.Port)}
	tr.cfg.GroupBy.AddTags(tags, &s.Key)
	text := ""
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		text += name + "=" + tags[name] + " "
	}
	return text
}

func TestTagsOfFurtherKeys(t *testing.T) {
	f := flowOf(1, protoTCP, 10)
	f.Zone, f.Mark, f.Orig.SrcPort = 7, 0x1234, 50_000
	ping := flowOf(2, protoICMP, 10)
	six := flowOf(3, protoTCP, 10)
	six.Orig.Src, six.Orig.Dst, six.Orig.SrcPort = addr(t, "2001:db8::1"), addr(t, "2001:db8::2"), 65_535
	const pair = "port=-1 proto=tcp src=10.0.0.1 "
	for _, c := range []struct {
		flow Flow
		by   []string
		tags string
	}{
		{f, nil, "dst=10.0.0.2 " + pair},
		{f, []string{"zone"}, "ct_zone=7 dst=10.0.0.2 " + pair},
		{f, []string{"mark"}, "ct_mark=0x1234 dst=10.0.0.2 " + pair},
		{f, []string{"mark/0xff"}, "ct_mark=0x34 dst=10.0.0.2 " + pair},
		{f, []string{"mark/0x1"}, "ct_mark=0x0 dst=10.0.0.2 " + pair},
		{f, []string{"family"}, "dst=10.0.0.2 family=ipv4 " + pair},
		{f, []string{"source_port_range"}, "dst=10.0.0.2 port=-1 proto=tcp source_port_range=49152-65535 src=10.0.0.1 "},
		{f, []string{"source_port_range/1000"}, "dst=10.0.0.2 port=-1 proto=tcp source_port_range=50000-50999 src=10.0.0.1 "},
		{flowOf(1023, protoTCP, 10), []string{"source_port_range"}, "dst=10.0.0.2 port=-1 proto=tcp source_port_range=0-1023 src=10.0.0.1 "},
		{flowOf(1024, protoTCP, 10), []string{"source_port_range"}, "dst=10.0.0.2 port=-1 proto=tcp source_port_range=1024-49151 src=10.0.0.1 "},
		{six, []string{"family", "source_port_range/1000"}, "dst=2001:db8::2 family=ipv6 port=-1 proto=tcp source_port_range=65000-65535 src=2001:db8::1 "},
		{ping, []string{"source_port_range", "zone"}, "ct_zone=0 dst=10.0.0.2 port=-1 proto=icmp src=10.0.0.1 "},
	} {
		cfg := testConfig(t)
		cfg.Filter.ICMP = true
		var err error
		cfg.GroupBy, err = ParseGroupBy(c.by)
		require.NoError(t, err)
		tr := started(cfg)
		dump(tr, 15, c.flow)
		s := one(t, tr)
		require.Equal(t, c.tags, tagsOf(tr, &s))
	}
}

// What a flow sends goes to the mark it has when it is read; a connection that
// vanishes is counted under the last mark seen.
func TestMarkOfAFlowChanges(t *testing.T) {
	cfg := testConfig(t)
	cfg.GroupBy.MarkMask = 0xff
	tr := started(cfg)
	f := flowOf(1, protoTCP, 100)
	for i, mark := range []uint32{0, 1, 0x102, 0x302} {
		f.Mark, f.OrigCounters.Bytes = mark, uint64(100+10*i)
		dump(tr, 15*float64(i+1), f)
		require.Equal(t, mark&0xff, one(t, tr).Key.Mark)
	}
	dump(tr, 90)
	dump(tr, 105)
	s := one(t, tr)
	require.EqualValues(t, 1, s.Connections)
	require.EqualValues(t, 2, s.Key.Mark)
	f.Mark, f.OrigCounters.Bytes = 3, 1000
	tr.Destroy(&f, at(110))
	require.EqualValues(t, 3, one(t, tr).Key.Mark)
}

// A state goes on under another group_by: what it tells apart and the new one
// does not is added up, and no two series get the same tags.
func TestStateOfAnotherGroupBy(t *testing.T) {
	before := testConfig(t)
	before.GroupBy = GroupBy{Zone: true, MarkMask: 0xff, SourcePorts: 1000}
	for _, by := range [][]string{nil, {"zone"}, {"mark/0x1"}, {"source_port_range"}, {"family"}} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			after := testConfig(t)
			var err error
			after.GroupBy, err = ParseGroupBy(by)
			require.NoError(t, err)
			tr := started(before)
			flows := varied(100)
			dump(tr, 15, flows...)
			tr = resume(t, after, save(t, tr), at(16))
			tr.BeginBaseline(at(17))
			dump(tr, 17)
			dump(tr, 30) // all have vanished meanwhile
			var bytes, closed uint64
			seen := map[string]bool{}
			for _, s := range take(tr) {
				bytes, closed = bytes+s.Orig.Bytes, closed+s.Connections
				require.False(t, seen[tagsOf(tr, &s)], tagsOf(tr, &s))
				seen[tagsOf(tr, &s)] = true
			}
			require.EqualValues(t, 10*50, bytes)
			require.EqualValues(t, 50, closed)
		})
	}
}

// Beyond max_series, further keys fold along with the ports: no byte is lost,
// the series stay few, and no two of them have the same tags.
func TestFurtherKeysFoldToo(t *testing.T) {
	for _, by := range [][]string{{"zone"}, {"mark"}, {"source_port_range/1"}, {"family"}, {"zone", "mark", "family", "source_port_range"}} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			cfg := byNetwork(t, "32", true)
			cfg.MaxSeries, cfg.Filter.ICMP = 10, true
			var err error
			cfg.GroupBy, err = ParseGroupBy(by)
			require.NoError(t, err)
			tr := started(cfg)
			tr.SetNetworks(networks(t, "10.0.0.0/8,Corp"))
			ports := &Ports{}
			ports.put(protoTCP, 80, 80)
			tr.SetPorts(ports)
			flows := varied(200)
			dump(tr, 15, flows...)
			var bytes uint64
			seen := map[string]bool{}
			for _, s := range take(tr) {
				bytes += s.Orig.Bytes
				tags := tagsOf(tr, &s)
				require.False(t, seen[tags], tags)
				seen[tags] = true
			}
			require.EqualValues(t, 10*len(flows), bytes)
			require.LessOrEqual(t, len(seen), 10+2, "at most one more for each pair and protocol")
			require.NotEqual(t, cfg.GroupBy.splits(), tr.Stats().Folded == Folded{})
		})
	}
}

// varied returns flows of 10 bytes each between two networks that differ in
// all else.
func varied(n int) (flows []Flow) {
	for i := range n {
		f := flowOf(uint32(i)+1, []uint8{protoTCP, protoICMP}[i%2], 10)
		f.Zone, f.Mark, f.Orig.SrcPort = uint16(i/2), uint32(i/2), uint16(400*i)
		flows = append(flows, f)
	}
	return flows
}
