package vpn_traffic

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/influxdata/telegraf"
)

// rejected collects the metrics of one Write that are no rows.
type rejected struct {
	total   int
	reasons map[string]int
	text    []byte // for the file in rejected/
}

// maxMetric bounds the text of one metric.
const maxMetric = 4096

func (r *rejected) add(m telegraf.Metric, reason error) {
	if r.reasons == nil {
		r.reasons = make(map[string]int)
	}
	r.total++
	r.reasons[reason.Error()]++
	text := fmt.Sprintf("%s tags=%q fields=%v time=%d", m.Name(), m.Tags(), m.Fields(), m.Time().UnixNano())
	text = strings.ReplaceAll(text[:min(len(text), maxMetric)], "\n", `\n`)
	r.text = fmt.Appendf(r.text, "# %v\n%s\n", reason, text)
}

// summary names the most frequent reasons and how often they occurred.
func (r *rejected) summary() string {
	const shown = 5
	reasons := slices.SortedFunc(maps.Keys(r.reasons), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.reasons[b], r.reasons[a]), strings.Compare(a, b))
	})
	var parts []string
	for i, reason := range reasons {
		if i == shown {
			parts = append(parts, fmt.Sprintf("%d other reasons", len(reasons)-shown))
			break
		}
		parts = append(parts, fmt.Sprintf("%s: %d", reason, r.reasons[reason]))
	}
	return strings.Join(parts, ", ")
}
