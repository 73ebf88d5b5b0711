package vpn_traffic

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/lines"
	"telegraf-conntrack-accounting/internal/printable"
)

// rejected collects the metrics of one Write that are not rows, and the lines
// that are not even metrics.
type rejected struct {
	total   int
	reasons map[string]int
	first   string // the series of the first metric
	text    []byte // for the file in rejected/
}

const (
	maxMetric = 4096 // bytes of the text of one metric
	maxLine   = 1024 // and of one line that is none: its beginning shows what it is
)

func (r *rejected) add(m telegraf.Metric, reason error) {
	r.count(reason.Error())
	if r.first == "" {
		r.first = series(m)
	}
	line, err := encode(m)
	if err == nil && len(line) <= maxMetric {
		r.text = fmt.Appendf(r.text, "# %v\n%s\n", reason, line)
		return
	}
	text := fmt.Sprintf("%s tags=%q fields=%v time=%d", m.Name(), m.Tags(), m.Fields(), m.Time().UnixNano())
	r.text = fmt.Appendf(r.text, "# %v\n# %q\n", reason, text[:min(len(text), maxMetric)])
}

// series names a metric as line protocol does, as far as a log line has room.
func series(m telegraf.Metric) string {
	const room = 200
	text := m.Name()
	for _, tag := range m.TagList() {
		text += "," + tag.Key + "=" + tag.Value
	}
	text = printable.Line(text)
	if len(text) > room {
		text = strings.ToValidUTF8(text[:room], "") + "…"
	}
	return text
}

// encode returns a metric as the line protocol that it came as, so that it can be
// sent again once the configuration is mended.
func encode(m telegraf.Metric) ([]byte, error) {
	var line lineprotocol.Encoder
	line.StartLine(m.Name())
	for _, tag := range m.TagList() {
		line.AddTag(tag.Key, tag.Value)
	}
	for _, field := range m.FieldList() {
		value, ok := lineprotocol.NewValue(field.Value)
		if !ok {
			return nil, fmt.Errorf("field %q cannot be expressed", field.Key)
		}
		line.AddField(field.Key, value)
	}
	line.EndLine(m.Time())
	return bytes.TrimSuffix(line.Bytes(), []byte{'\n'}), line.Err()
}

// addLine adds a line that may hold anything, so it is quoted. Its
// reason names a column, which would make a reason of its own of each.
func (r *rejected) addLine(line []byte, reason error) {
	r.count(lines.Unreadable)
	r.text = fmt.Appendf(r.text, "# %s: %v\n%q\n", lines.Unreadable, reason, line[:min(len(line), maxLine)])
}

func (r *rejected) count(reason string) {
	if r.reasons == nil {
		r.reasons = make(map[string]int)
	}
	r.total++
	r.reasons[reason]++
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

const (
	rejectionsEvery  = 10 * time.Minute
	rejectionSenders = 1000 // beyond which all are forgotten: strangers come from any number of addresses
)

// rejections remembers when it was logged that metrics of a sender are rejected: a client
// that is set up wrong, or hostile, would have it logged with each of its requests.
type rejections struct {
	mu sync.Mutex
	of map[string]rejection
}

type rejection struct {
	logged time.Time
	since  int // metrics that were rejected and not logged
}

// due counts rejected metrics of a sender. It reports whether to log that, and how many have
// not been logged before them.
func (r *rejections) due(sender string, now time.Time, n int) (before int, yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) >= rejectionSenders {
		r.of = make(map[string]rejection)
	}
	last, known := r.of[sender]
	if known && now.Sub(last.logged) < rejectionsEvery {
		last.since += n
		r.of[sender] = last
		return 0, false
	}
	r.of[sender] = rejection{logged: now}
	return last.since, true
}
