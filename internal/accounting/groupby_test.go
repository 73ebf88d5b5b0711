package accounting

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// tagsOf returns all tags of a series, as a text.
func tagsOf(tr *Tracker, s *Series) string {
	tags := map[string]string{"src": s.Key.Src.String(), "dst": s.Key.Dst.String(), "proto": fmt.Sprint(s.Key.Proto), "port": fmt.Sprint(s.Key.Port)}
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
	const pair = "port=-1 proto=6 src=10.0.0.1 "
	for _, c := range []struct {
		flow Flow
		by   GroupBy
		tags string
	}{
		{f, GroupBy{}, "dst=10.0.0.2 " + pair},
		{f, GroupBy{Zone: true}, "ct_zone=7 dst=10.0.0.2 " + pair},
		{f, GroupBy{MarkMask: 0xffffffff}, "ct_mark=0x1234 dst=10.0.0.2 " + pair},
		{f, GroupBy{MarkMask: 0xff}, "ct_mark=0x34 dst=10.0.0.2 " + pair},
		{f, GroupBy{MarkMask: 0x1}, "ct_mark=0x0 dst=10.0.0.2 " + pair},
		{f, GroupBy{Family: true}, "dst=10.0.0.2 family=ipv4 " + pair},
		{f, GroupBy{SourcePorts: PortRanges}, "dst=10.0.0.2 port=-1 proto=6 source_port_range=49152-65535 src=10.0.0.1 "},
		{f, GroupBy{SourcePorts: 1000}, "dst=10.0.0.2 port=-1 proto=6 source_port_range=50000-50999 src=10.0.0.1 "},
		{flowOf(1023, protoTCP, 10), GroupBy{SourcePorts: PortRanges}, "dst=10.0.0.2 port=-1 proto=6 source_port_range=0-1023 src=10.0.0.1 "},
		{flowOf(1024, protoTCP, 10), GroupBy{SourcePorts: PortRanges}, "dst=10.0.0.2 port=-1 proto=6 source_port_range=1024-49151 src=10.0.0.1 "},
		{six, GroupBy{Family: true, SourcePorts: 1000}, "dst=2001:db8::2 family=ipv6 port=-1 proto=6 source_port_range=65000-65535 src=2001:db8::1 "},
		{ping, GroupBy{SourcePorts: PortRanges, Zone: true}, "ct_zone=0 dst=10.0.0.2 port=-1 proto=1 src=10.0.0.1 "},
	} {
		cfg := testConfig(t)
		cfg.Filter.ICMP = true
		cfg.GroupBy = c.by
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
	tr.OnDestroy(&f, at(110))
	require.EqualValues(t, 3, one(t, tr).Key.Mark)
}

// A state goes on under another group_by: what it tells apart and the new one
// does not is added up, and no two series get the same tags.
func TestStateOfAnotherGroupBy(t *testing.T) {
	before := testConfig(t)
	before.GroupBy = GroupBy{Zone: true, MarkMask: 0xff, SourcePorts: 1000}
	for _, by := range []GroupBy{{}, {Zone: true}, {MarkMask: 0x1}, {SourcePorts: PortRanges}, {Family: true}} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			after := testConfig(t)
			after.GroupBy = by
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
	for _, by := range []GroupBy{{Zone: true}, {MarkMask: 0xffffffff}, {SourcePorts: 1}, {Family: true}, {Zone: true, MarkMask: 0xffffffff, Family: true, SourcePorts: PortRanges}} {
		t.Run(fmt.Sprint(by), func(t *testing.T) {
			cfg := byNetwork(t, "32", true)
			cfg.MaxSeries, cfg.Filter.ICMP = 10, true
			cfg.GroupBy = by
			tr := started(cfg)
			tr.SetNetworks(networks(t, "10.0.0.0/8,Corp"))
			ports := &Ports{}
			ports.Add(protoTCP, 80, 80)
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
