package notation

import (
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
)

func TestGroupBy(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want accounting.GroupBy
	}{
		{nil, accounting.GroupBy{}},
		{[]string{"zone", "mark", "family", "source_port_range"}, accounting.GroupBy{Zone: true, MarkMask: 0xffffffff, Family: true, SourcePorts: accounting.PortRanges}},
		{[]string{"mark/0xff00"}, accounting.GroupBy{MarkMask: 0xff00}},
		{[]string{"mark/7", "source_port_range/1024"}, accounting.GroupBy{MarkMask: 7, SourcePorts: 1024}},
	} {
		got, err := GroupBy(c.keys)
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
		{[]string{"mark", "zone", "mark/1"}, `"mark/1": the key is listed twice`},
		{[]string{"mark/"}, `"mark/": want a mask`},
		{[]string{"mark/0"}, `"mark/0": want a mask`},
		{[]string{"mark/0x1ffffffff"}, "want a mask"},
		{[]string{"source_port_range/0"}, `"source_port_range/0": want 1 to 32768`},
		{[]string{"source_port_range/ten"}, "want 1 to 32768"},
	} {
		_, err := GroupBy(c.keys)
		require.ErrorContains(t, err, c.says)
	}
}
