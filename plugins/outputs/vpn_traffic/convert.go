package vpn_traffic

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// converter knows how metrics of traffic look.
type converter struct {
	hostTag      string
	measurements []string
}

// besides reports whether the metric is what the input sends besides rows: their sums, and
// what it says of itself. The latter is known by its shape, too, under a name_override.
func (c *converter) besides(m telegraf.Metric) bool {
	for _, suffix := range [...]string{"_internal", "_by_src", "_by_dst", "_by_port"} {
		of, found := strings.CutSuffix(m.Name(), suffix)
		if found && (of == "conntrack_accounting" || slices.Contains(c.measurements, of)) {
			return !slices.Contains(c.measurements, m.Name())
		}
	}
	return m.HasField("destroy_events") && !m.HasTag("src") && !m.HasTag("dst")
}

// foreign is the reason to reject a metric of a measurement that nobody named.
// Where it holds traffic, a name_override or name_prefix gave it that name.
func foreign(m telegraf.Metric) error {
	if m.HasTag("src") && m.HasTag("dst") && m.HasField("src_bytes") {
		return fmt.Errorf("measurement %q is renamed traffic: name it in measurements of outputs.vpn_traffic as well as in namepass of outputs.execd", m.Name())
	}
	return fmt.Errorf("foreign measurement %q", m.Name())
}

// row makes a row of a metric. Its errors name tags and fields, but quote no
// values: they are counted by their text.
func (c *converter) row(m telegraf.Metric, host string) (row reportfile.Row, err error) {
	if !slices.Contains(c.measurements, m.Name()) {
		return row, foreign(m)
	}
	if err := reportfile.CheckHost(host); err != nil {
		return row, fmt.Errorf("tag %s %w", c.hostTag, err)
	}
	if row.Time, err = nanoseconds(m.Time()); err != nil {
		return row, err
	}
	if err := checkGroupBy(m); err != nil {
		return row, err
	}
	if err := setTags(&row, m); err != nil {
		return row, err
	}
	if err := setFields(&row, m); err != nil {
		return row, err
	}
	setNames(&row, m)
	return row, row.Check()
}

// Row makes a row of a metric, unless that is not traffic. See ingest.Metrics.
func (c *converter) Row(m telegraf.Metric, given string) (row reportfile.Row, host string, found bool, err error) {
	if c.besides(m) {
		return row, given, false, nil
	}
	host, named := m.GetTag(c.hostTag)
	if !named {
		host = given
	}
	row, err = c.row(m, host)
	return row, host, true, err
}

// Text returns a row as a line of line protocol.
func (c *converter) Text(row *reportfile.Row, host string) ([]byte, error) {
	return encode(c.metric(row, host))
}

// metric is the reverse of row.
func (c *converter) metric(row *reportfile.Row, host string) telegraf.Metric {
	tags := map[string]string{"proto": row.Proto, "src": row.Src, "dst": row.Dst, "port": strconv.Itoa(int(row.Port))}
	for tag, value := range map[string]string{c.hostTag: host, "src_name": row.SrcName, "dst_name": row.DstName} {
		if value != "" {
			tags[tag] = value
		}
	}
	fields := map[string]any{
		"src_packets": row.SrcPackets, "src_bytes": row.SrcBytes, "dst_packets": row.DstPackets, "dst_bytes": row.DstBytes,
		"connection_count": row.ConnectionCount, "connection_times": row.ConnectionTimes,
	}
	if row.HasOpen {
		fields["open_connections"] = row.OpenConnections
	}
	return metric.New(c.measurements[0], tags, fields, time.Unix(0, row.Time))
}

// checkGroupBy refuses the tags of the input's group_by that tell apart what
// the table cannot: two such metrics would be one row, and only one is kept.
// Adding them up here would not be exact. Metrics of one row may come in two
// batches, cut otherwise when they come again, and of a row that is stored
// nobody knows which metrics are in it. The family needs no column: it shows in
// the addresses.
func checkGroupBy(m telegraf.Metric) error {
	for _, tag := range [...]string{"ct_zone", "ct_mark", "source_port_range"} {
		if m.HasTag(tag) {
			return fmt.Errorf("tag %s has no column (group_by is not for vpn_traffic)", tag)
		}
	}
	return nil
}

func nanoseconds(at time.Time) (int64, error) {
	ns := at.UnixNano()
	if !time.Unix(0, ns).Equal(at) {
		return 0, errors.New("time is out of range")
	}
	return ns, nil
}

func setTags(row *reportfile.Row, m telegraf.Metric) error {
	var port string
	for _, tag := range [...]struct {
		name string
		to   *string
	}{{"src", &row.Src}, {"dst", &row.Dst}, {"proto", &row.Proto}, {"port", &port}} {
		value, found := m.GetTag(tag.name)
		if !found {
			return fmt.Errorf("tag %s is missing", tag.name)
		}
		*tag.to = value
	}
	n, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		return errors.New("tag port is not -1 to 65535")
	}
	row.Port = int32(n)
	return nil
}

// setNames sets what the ends are called. A name that cannot be one may come from another program
// than the counts: such a name is mended, and the row is kept.
func setNames(row *reportfile.Row, m telegraf.Metric) {
	if name, found := m.GetTag("src_name"); found {
		row.SrcName = reportfile.CleanName(name)
	}
	if name, found := m.GetTag("dst_name"); found {
		row.DstName = reportfile.CleanName(name)
	}
}

func setFields(row *reportfile.Row, m telegraf.Metric) error {
	for _, field := range [...]struct {
		name     string
		to       *int64
		required bool
	}{
		{"src_packets", &row.SrcPackets, true},
		{"src_bytes", &row.SrcBytes, true},
		{"dst_packets", &row.DstPackets, true},
		{"dst_bytes", &row.DstBytes, true},
		{"connection_count", &row.ConnectionCount, false},
		{"connection_times", &row.ConnectionTimes, false},
		{"open_connections", &row.OpenConnections, false},
	} {
		value, found := m.GetField(field.name)
		switch {
		case !found && field.required:
			return fmt.Errorf("field %s is missing", field.name)
		case !found:
			continue
		}
		n, err := integer(value)
		if err != nil {
			return fmt.Errorf("field %s %w", field.name, err)
		}
		*field.to = n
		row.HasOpen = row.HasOpen || field.to == &row.OpenConnections
	}
	return nil
}

var (
	errType   = errors.New("is not a number")
	errWhole  = errors.New("is not a whole number")
	errBeyond = errors.New("does not fit 64 bits with a sign")
)

func integer(value any) (int64, error) {
	switch n := value.(type) {
	case int64:
		return n, nil
	case uint64:
		if n > math.MaxInt64 {
			return 0, errBeyond
		}
		return int64(n), nil
	case float64:
		switch {
		case n != math.Trunc(n): // which NaN is not equal to, either
			return 0, errWhole
		case n < -1<<63 || n >= 1<<63: // and so are the infinities
			return 0, errBeyond
		}
		return int64(n), nil
	}
	return 0, errType
}
