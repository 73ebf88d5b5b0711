package summary

import (
	"math"
	"slices"

	"github.com/go-analyze/charts"

	"telegraf-conntrack-accounting/internal/trafficdb"
)

// matrix shows sources against destinations: the darker, the more. Its colours
// are of the logarithm, or the greatest pair would be all that is seen.
func (s *Summary) matrix() (chart, error) {
	c := chart{Title: "Who talks to whom", Note: "sources in rows, destinations in columns; the darker, the more"}
	if s.wholeHours() {
		c.Note += "; of whole hours"
	}
	var rows, columns []string
	for _, pair := range s.Matrix {
		rows, columns = appendNew(rows, pair.SrcName), appendNew(columns, pair.DstName)
	}
	if len(rows) == 0 {
		return c, nil
	}
	slices.Sort(rows)
	slices.Sort(columns)
	option := charts.NewHeatMapOptionWithData(cellsOfMatrix(rows, columns, s.Matrix))
	option.Theme = theme()
	option.XAxis.Labels, option.YAxis.Labels = shortAll(columns, axisLetters), shortAll(rows, axisLetters)
	small := charts.FontStyle{FontSize: 8}
	option.XAxis.LabelFontStyle, option.YAxis.LabelFontStyle = small, small
	option.XAxis.LabelRotation = charts.DegreesToRadians(60)
	option.XAxis.LabelCount, option.YAxis.LabelCount = len(columns), len(rows)
	option.Padding = charts.NewBoxEqual(12)
	var err error
	c.Image, err = svg(540, 400, func(p *charts.Painter) error { return p.HeatMapChart(option) })
	return c, err
}

// axisLetters is how many letters of a name the matrix has room for.
const axisLetters = 20

func cellsOfMatrix(rows, columns []string, pairs []trafficdb.Pair) [][]float64 {
	values := make([][]float64, len(rows))
	for i := range values {
		values[i] = slices.Repeat([]float64{charts.GetNullValue()}, len(columns))
	}
	for _, pair := range pairs {
		row, _ := slices.BinarySearch(rows, pair.SrcName)
		column, _ := slices.BinarySearch(columns, pair.DstName)
		values[row][column] = math.Log10(1 + pair.SrcBytes + pair.DstBytes)
	}
	return values
}

func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}
