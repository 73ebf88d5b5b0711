package conntrack_accounting

import (
	"slices"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/reportfile"
)

// sum adds up the rows of each gather by source, destination or port. It is made of the
// same series as the rows, so the two cannot differ.
type sum struct {
	accounting.Sums

	by string
}

// readSums reads the option sums.
func (p *Plugin) readSums() error {
	parts := []func(*accounting.SeriesKey) accounting.SeriesKey{accounting.SourcePart, accounting.DestinationPart, accounting.PortPart}
	p.sums = nil
	for _, by := range slices.Compact(slices.Sorted(slices.Values(p.Sums))) {
		var part int
		if err := choose(&part, "sums", by, "src", "dst", "port"); err != nil {
			return err
		}
		p.sums = append(p.sums, sum{accounting.SumsBy(parts[part]), by})
	}
	return nil
}

// addSums adds a series to each sum.
func (p *Plugin) addSums(s *accounting.Series) {
	for i := range p.sums {
		p.sums[i].Add(s)
	}
}

// emitSums adds a metric for each sum, and begins new ones.
func (p *Plugin) emitSums(acc telegraf.Accumulator, at time.Time, fields map[string]interface{}, tags map[string]string) {
	for i := range p.sums {
		sum := &p.sums[i]
		sum.Take(func(s *accounting.Series) {
			row := p.row(s, at)
			setFields(fields, &row)
			p.setSumTags(tags, sum.by, &s.Key, &row)
			acc.AddFields(measurement+"_by_"+sum.by, fields, tags, at)
		})
	}
}

// setSumTags replaces the content of tags by the tags of a sum.
func (p *Plugin) setSumTags(tags map[string]string, by string, k *accounting.SeriesKey, row *reportfile.Row) {
	clear(tags)
	switch by {
	case "src":
		p.addSource(tags, k, row)
	case "dst":
		p.addDestination(tags, k, row)
	case "port":
		addPort(tags, row)
	}
}
