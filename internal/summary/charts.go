package summary

import (
	"cmp"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-analyze/charts"

	"telegraf-conntrack-accounting/internal/trafficdb"
)

// chart is an image of the page.
type chart struct {
	Title, Note string
	Wide        bool
	Image       template.HTML
}

// charts draws what the page shows.
func (s *Summary) charts() ([]chart, error) {
	if len(s.Traffic) == 0 {
		return nil, nil
	}
	var list []chart
	for _, draw := range []func() (chart, error){s.throughput, s.sources, s.matrix, s.services} {
		c, err := draw()
		if err != nil {
			return nil, fmt.Errorf("drawing %q: %w", c.Title, err)
		}
		if c.Image != "" {
			list = append(list, c)
		}
	}
	return list, nil
}

func (s *Summary) throughput() (chart, error) {
	c := chart{Title: "Throughput", Note: "requests from who opened a connection, and the responses", Wide: true}
	rates := func(of func(trafficdb.Sums) float64) []float64 {
		values := make([]float64, len(s.Traffic))
		for i, p := range s.Traffic {
			values[i] = 8 * of(p.Sums) / p.Step.Seconds()
		}
		return values
	}
	times := make([]time.Time, len(s.Traffic))
	for i, p := range s.Traffic {
		times[i] = p.Time
	}
	var err error
	c.Image, err = lines(times, []string{"requests", "responses"}, [][]float64{
		rates(func(s trafficdb.Sums) float64 { return s.SrcBytes }), rates(func(s trafficdb.Sums) float64 { return s.DstBytes }),
	}, false)
	return c, err
}

func (s *Summary) sources() (chart, error) {
	c := chart{Title: "Bandwidth per source", Note: "both ways", Wide: true}
	names := s.drawn()
	var times []time.Time
	values := make([][]float64, len(names))
	for _, p := range s.BySource {
		if len(times) == 0 || !p.Time.Equal(times[len(times)-1]) {
			times = append(times, p.Time)
			for i := range values {
				values[i] = append(values[i], 0)
			}
		}
		values[slices.Index(names, p.Name)][len(times)-1] += 8 * (p.SrcBytes + p.DstBytes) / p.Step.Seconds()
	}
	var err error
	c.Image, err = lines(times, shortAll(names, legendLetters), values, true)
	return c, err
}

// drawn are the sources that have a line, the greatest first and all others last.
func (s *Summary) drawn() []string {
	sums := map[string]float64{}
	for _, p := range s.BySource {
		sums[p.Name] += p.SrcBytes + p.DstBytes
	}
	if _, rest := sums[others]; rest {
		sums[others] = -1
	}
	return slices.SortedFunc(maps.Keys(sums), func(a, b string) int {
		return cmp.Or(cmp.Compare(sums[b], sums[a]), strings.Compare(a, b))
	})
}

// legendLetters is how many letters of a name the legend has room for.
const legendLetters = 20

// others is what the database calls all but the top ones.
const others = "all others"

func lines(times []time.Time, names []string, values [][]float64, stacked bool) (template.HTML, error) {
	layout := "15:04"
	if times[len(times)-1].Sub(times[0]) > 36*time.Hour {
		layout = "01-02 15:04"
	}
	labels := make([]string, len(times))
	for i, at := range times {
		labels[i] = at.Local().Format(layout)
	}
	option := charts.NewLineChartOptionWithSeries(charts.NewSeriesListLine(values, charts.LineSeriesOption{Names: names}))
	option.Theme, option.StackSeries = theme(), &stacked
	option.FillArea = charts.Ptr(true)
	option.FillOpacity = 60
	if stacked {
		option.FillOpacity = 170
	}
	option.LineStrokeWidth = 1.5
	option.Symbol = charts.Symbol{Shape: charts.SymbolNone}
	option.XAxis.Labels = labels
	option.XAxis.BoundaryGap = charts.Ptr(false)
	option.XAxis.LabelCount = 9
	option.Legend.SeriesNames = names
	option.Legend.Symbol = charts.SymbolSquare
	option.YAxis = []charts.ValueAxisOption{{Min: charts.Ptr(0.0), ValueFormatter: bitRate}}
	option.Padding = charts.NewBoxEqual(12)
	return svg(1100, 300, func(p *charts.Painter) error { return p.LineChart(option) })
}

func (s *Summary) services() (chart, error) {
	c := chart{Title: "Ports", Note: "traffic both ways"}
	var names []string
	var values []float64
	for _, total := range s.Services {
		if bytes := total.SrcBytes + total.DstBytes; bytes > 0 {
			names, values = append(names, total.Name), append(values, bytes)
		}
	}
	if len(values) == 0 {
		return c, nil
	}
	option := charts.NewDoughnutChartOptionWithData(values)
	option.Theme = theme()
	option.RadiusRing, option.RadiusCenter = "34%", "21%"
	option.CenterValues, option.ValueFormatter = "sum", octets
	option.Legend.Show = charts.Ptr(false)
	for i := range option.SeriesList {
		option.SeriesList[i].Name = names[i]
		option.SeriesList[i].Label.Show = charts.Ptr(true)
		option.SeriesList[i].Label.LabelFormatter = func(_ int, name string, value float64) (string, *charts.LabelStyle) {
			return name + " " + octets(value), nil
		}
	}
	option.Padding = charts.NewBoxEqual(12)
	var err error
	c.Image, err = svg(540, 400, func(p *charts.Painter) error { return p.DoughnutChart(option) })
	return c, err
}

// svg draws into an image that is part of the page.
func svg(width, height int, draw func(*charts.Painter) error) (template.HTML, error) {
	painter := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: width, Height: height, Theme: theme()})
	if err := draw(painter); err != nil {
		return "", err
	}
	image, err := painter.Bytes()
	return template.HTML(image), err //nolint:gosec // drawn by us; the library escapes names
}

func theme() charts.ColorPalette {
	return charts.GetTheme(charts.ThemeLight).WithSeriesColors([]charts.Color{
		charts.ColorFromHex("#2f6fde"), charts.ColorFromHex("#23a26d"), charts.ColorFromHex("#f0a12b"), charts.ColorFromHex("#d9534f"),
		charts.ColorFromHex("#8e63ce"), charts.ColorFromHex("#21a5b7"), charts.ColorFromHex("#c2649a"), charts.ColorFromHex("#8a9a3b"),
		charts.ColorFromHex("#9aa3b2"),
	})
}
