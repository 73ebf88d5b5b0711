package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// Whatever is chosen in Explore, one of its queries answers, with the right unit.
func TestExplore(t *testing.T) {
	t.Parallel()
	db := filled(t)
	d := load(t, "postgres/explore.json")
	p := d.Panels[0]
	byHost := func(host string, _ *reportfile.Row) string { return host }
	byProto := func(_ string, row *reportfile.Row) string { return row.Proto }
	byPair := func(_ string, row *reportfile.Row) string { return row.Src + " → " + row.Dst }
	for _, test := range []struct {
		by, measure, style, unit string
		name                     func(string, *reportfile.Row) string
		value
	}{
		{"src", "traffic", "stack", "bps", bySrc, bitsBoth},
		{"dst", "sent", "lines", "bps", byDst, bitsOut},
		{"service", "received", "stack", "bps", byService, bitsBack},
		{"host", "packets", "lines", "pps", byHost, packetsBoth},
		{"proto", "connections", "stack", perSecond, byProto, closed},
		{"src", "open", "lines", "short", bySrc, meanOpen},
		{"pair", "traffic", "lines", "bps", byPair, bitsBoth},
	} {
		v := view{begin.Add(time.Hour), begin.Add(70 * time.Minute), map[string][]string{
			"by": {test.by}, "measure": {test.measure}, "style": {test.style}, "top": {"5"}, "proto": {"tcp", "udp"},
		}}
		answered := ""
		for _, target := range p.Targets {
			frame := ask(t, db, d, v, p, target)
			if frame.Rows() > 0 {
				require.Empty(t, answered, "%v: two answer", test)
				answered = target["refId"].(string)
				text := target["rawSql"].(string)
				order := 5
				named(test.name, order, test.value)(t, frame, question{traffic: knownTraffic(), view: v, keep: v.keeps(text), panel: p})
			}
		}
		require.NotEmpty(t, answered, "%v", test)
		for _, o := range p.Fields.Overrides {
			if o.Matcher["id"] == "byFrameRefID" && o.Matcher["options"] == answered {
				require.Equal(t, test.unit, o.Properties[0]["value"])
				require.Equal(t, test.style == "lines", len(o.Properties) > 1)
			}
		}
	}
}

// A link's capacity is a line where it is a number.
func TestLinkCapacity(t *testing.T) {
	t.Parallel()
	db := filled(t)
	d := load(t, "postgres/now.json")
	for typed, want := range map[string]float64{"100": 1e8, " 2.5 ": 2.5e6, "": 0, "fast": 0, "1'0": 0} {
		for _, p := range d.Panels {
			if p.Title != "Bandwidth per source" {
				continue
			}
			frame := ask(t, db, d, view{begin, end, map[string][]string{"capacity": {typed}}}, p, p.Targets[1])
			if want == 0 {
				require.Zero(t, frame.Rows(), typed)
				continue
			}
			require.Equal(t, 2, frame.Rows(), typed)
			requireClose(t, want, cell(t, frame, "link capacity", 0))
			requireClose(t, want, cell(t, frame, "link capacity", 1))
		}
	}
}
