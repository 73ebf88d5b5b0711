package store_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/store"
)

func TestRowsComeBackAsTheyWereAdded(t *testing.T) {
	rows := series(noon, 300)
	rows[1].HasOpen, rows[1].OpenConnections = false, 0
	rows[2].SrcName, rows[2].DstName = "East", "Web"
	rows[3] = reportfile.Row{
		Time: math.MinInt64, Proto: "ipv6-icmp", Src: "2001:db8:1::", Dst: "2001:db8:2::", Port: -1,
		SrcPackets: math.MaxInt64, DstPackets: math.MaxInt64 - 1, SrcBytes: math.MaxInt64 - 2, DstBytes: math.MaxInt64 - 3,
		ConnectionCount: math.MaxInt32, ConnectionTimes: math.MaxInt64 - 4, OpenConnections: math.MaxInt32, HasOpen: true,
	}
	packed := store.Pack(rows)
	require.Equal(t, len(rows), packed.Len())
	for n := range rows {
		require.Equal(t, rows[n], packed.At(n))
		require.Equal(t, rows[n].Time, packed.Time(n))
	}
	part := packed.Slice(2, 5)
	require.Equal(t, 3, part.Len())
	require.Equal(t, rows[4], part.At(2))
	packed.Cut(3)
	require.Equal(t, 297, packed.Len())
	require.Equal(t, rows[3], packed.At(0))
	packed.Add(&rows[2])
	require.Equal(t, rows[2], packed.At(297))
}

func TestRowsForgetTextsThatTakeMuchMemory(t *testing.T) {
	var rows store.Rows
	row := series(noon, 1)[0]
	n := 0
	for ; !rows.Heavy(); n++ {
		row.Src = fmt.Sprintf("%d", n) + strings.Repeat("x", 200)
		rows.Add(&row)
	}
	require.Greater(t, n, 10_000)
	last := rows.At(n - 1)
	rows.Cut(n - 1)
	require.False(t, rows.Heavy())
	require.Equal(t, 1, rows.Len())
	require.Equal(t, last, rows.At(0))
	rows.Cut(1)
	require.Zero(t, rows.Len())
	rows.Add(&row)
	require.Equal(t, row, rows.At(0))
}
