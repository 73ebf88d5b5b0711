package summary

import (
	"fmt"
	"math"
	"slices"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
)

// matrix shows sources against destinations: the more traffic, the stronger the shade.
// Shades follow the logarithm; otherwise only the greatest pair would be visible.
type matrix struct {
	Columns []string
	Rows    []matrixRow
}

type matrixRow struct {
	Name  string
	Cells []matrixCell
}

// matrixCell has no text if there was no traffic.
type matrixCell struct {
	Text  string
	Shade float64 // up to 1
}

func (s *Summary) matrix() matrix {
	var sources, destinations []string
	least, most := math.Inf(1), 0.0
	for _, pair := range s.Matrix {
		sources, destinations = appendNew(sources, pair.SrcName), appendNew(destinations, pair.DstName)
		least, most = min(least, shadeOf(pair)), max(most, shadeOf(pair))
	}
	slices.Sort(sources)
	slices.Sort(destinations)
	m := matrix{Columns: shortAll(destinations, axisLetters)}
	for _, name := range sources {
		m.Rows = append(m.Rows, matrixRow{short(name, axisLetters), make([]matrixCell, len(destinations))})
	}
	for _, pair := range s.Matrix {
		row, _ := slices.BinarySearch(sources, pair.SrcName)
		column, _ := slices.BinarySearch(destinations, pair.DstName)
		shade := 1.0
		if most > least {
			shade = 0.12 + 0.88*(shadeOf(pair)-least)/(most-least)
		}
		text := fmt.Sprintf("%s → %s: %s", printable.Line(pair.SrcName), printable.Line(pair.DstName), octets(pair.SrcBytes+pair.DstBytes))
		m.Rows[row].Cells[column] = matrixCell{text, shade}
	}
	return m
}

// axisLetters is the longest name on the axes of the matrix, in cells.
const axisLetters = 24

func shadeOf(pair store.Pair) float64 { return math.Log10(1 + pair.SrcBytes + pair.DstBytes) }

func appendNew(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}
