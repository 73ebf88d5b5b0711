package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

// A source is among the greatest, and has its row, whether or not it talks to one of the
// greatest destinations.
func TestMatrixHasAllOfTheGreatest(t *testing.T) {
	t.Parallel()
	const all, rows, columns = 18, 15, 12
	var report []reportfile.Row
	for n := range all {
		report = append(report, reportfile.Row{
			Time: begin.UnixNano(), Proto: "tcp", Port: 443, SrcBytes: int64(1000 * (all - n)),
			Src: fmt.Sprintf("10.32.%d.0", n), Dst: fmt.Sprintf("10.33.%d.0", n), // and with no other
		})
	}
	pg := testkit.Database(t)
	fill(t, pg, known{"gw": report})
	frame := panelsOf(t, pg.DB(), "postgres/pair.json", view{from: begin, to: begin.Add(time.Minute)})["Sources against destinations"]
	require.Equal(t, rows*columns, frame.Rows())
	for n := range rows {
		for m := range columns {
			at := n*columns + m
			require.Equal(t, report[n].Src, text(t, frame, "source", at))
			require.Equal(t, report[m].Dst, text(t, frame, "destination", at))
			if n == m {
				require.InDelta(t, float64(report[n].SrcBytes), cell(t, frame, "traffic", at), 0)
			} else {
				value, _ := frame.FieldByName("traffic")
				require.True(t, value.NilAt(at))
			}
		}
	}
}
