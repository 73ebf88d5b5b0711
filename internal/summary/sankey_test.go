package summary

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
)

var bandPath = regexp.MustCompile(`^M0 (\S+)C500 \S+ 500 \S+ 1000 (\S+)V(\S+)C500 \S+ 500 \S+ 0 (\S+)Z$`)

// Bands are as wide as their traffic, at both ends; nodes and labels never overlap and stay
// within the drawing, whether pairs are alike or one is a million times the others.
func TestSankey(t *testing.T) {
	for name, size := range map[string]func(src, dst int) float64{
		"alike":      func(int, int) float64 { return 1000 },
		"one giant":  func(src, dst int) float64 { return 1 + 1e9*float64(max(0, 1-src-dst)) },
		"a slope":    func(src, dst int) float64 { return 1e6 / float64(1+src*dst) },
		"one source": func(src, dst int) float64 { return max(0, float64(1-src)) * float64(10+dst) },
	} {
		for _, most := range []int{2, 5, 9, 10, 40} {
			t.Run(fmt.Sprintf("%s %d", name, most), func(t *testing.T) {
				s, total := &Summary{}, 0.0
				for src := range most {
					for dst := range most {
						if bytes := size(src, dst); bytes > 0 {
							s.Matrix = append(s.Matrix, store.Pair{SrcName: fmt.Sprint("s", src), DstName: fmt.Sprint("d", dst), Sums: store.Sums{SrcBytes: bytes / 4, DstBytes: bytes * 3 / 4}})
							total += bytes
						}
					}
				}
				d := s.sankey()
				require.Equal(t, len(s.Matrix), d.Pairs)
				for _, side := range [][]sankeyNode{d.Left, d.Right} {
					require.LessOrEqual(t, len(side), nodesOfSankey+1)
					before, sum := 0.0, 0.0
					for i, n := range side {
						room := max(n.Height, sankeyRoom)
						middle := n.Middle * sankeyHeight / 100
						require.GreaterOrEqual(t, middle-room/2, before-1e-6, "a label overlaps the one above")
						require.InDelta(t, middle, n.Top+n.Height/2, 1e-6)
						require.InDelta(t, n.Top+n.Height, n.next, 1e-6, "bands fill their node")
						before = middle + room/2
						sum += n.bytes
						require.True(t, i == 0 || n.bytes <= side[i-1].bytes || i == nodesOfSankey, "the greatest come first")
					}
					require.LessOrEqual(t, before, sankeyHeight+1e-6)
					require.InEpsilon(t, total, sum, 1e-9)
				}
				drawn := 0.0
				for _, b := range d.Bands {
					found := bandPath.FindStringSubmatch(b.Path)
					require.NotNil(t, found, b.Path)
					var at [4]float64
					for i := range at {
						at[i], _ = strconv.ParseFloat(found[1+i], 64)
					}
					require.InDelta(t, at[3]-at[0], at[2]-at[1], 0.021, "both ends of a band")
					drawn += at[3] - at[0]
				}
				heights := 0.0
				for _, n := range d.Left {
					heights += n.Height
				}
				require.InDelta(t, heights, drawn, 0.02*float64(len(d.Bands)))
			})
		}
	}
}

// Names are shortened, and those that fold are counted.
func TestSankeyNames(t *testing.T) {
	s := &Summary{}
	for n := range 12 {
		s.Matrix = append(s.Matrix, store.Pair{SrcName: fmt.Sprintf("a name that is much too long for it %d (10.0.0.%d)", n, n), DstName: "d", Sums: store.Sums{SrcBytes: float64(20 - n)}})
	}
	d := s.sankey()
	require.Equal(t, "4 others", d.Left[nodesOfSankey].Name)
	require.False(t, slices.ContainsFunc(d.Left, func(n sankeyNode) bool { return len([]rune(n.Name)) > axisLetters }))
	require.Contains(t, d.Bands[0].Title, "(10.0.0.0) → d: 20 B")

	s.Matrix = s.Matrix[:1]
	require.Empty(t, s.sankey().Bands, "one band says nothing")
}
