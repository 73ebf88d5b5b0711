package lines

import (
	"errors"
	"fmt"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/metric"
)

// Unreadable is the reason for rejecting a line that does not hold a metric.
const Unreadable = "no line protocol"

// maxPairs bounds the tags and fields of a metric, each of which Telegraf compares with all
// before it: an entry of 180 kB with 20,000 tags took five seconds. A row has about 20.
const maxPairs = 1000

var (
	errTwoEntries = errors.New("text after the end of the entry")
	errManyPairs  = fmt.Errorf("has more than %d tags and fields", maxPairs)
)

// Decode makes a metric of one entry of line protocol, and nil of an empty
// one or a comment. An entry without a timestamp gets now.
func Decode(text []byte, now time.Time) (telegraf.Metric, error) {
	return Nanoseconds.Decode(text, now)
}

// Unit is the unit of timestamps in a stream of line protocol.
type Unit struct {
	precision lineprotocol.Precision
	times     int64 // so many of it
}

// Nanoseconds is the unit of timestamps unless something else is agreed upon.
var Nanoseconds = Unit{lineprotocol.Nanosecond, 1}

// ParseUnit returns the unit that InfluxDB's parameter precision names: n or ns, u or us, ms,
// s, m, h, or "" for nanoseconds.
func ParseUnit(precision string) (Unit, error) {
	switch precision {
	case "", "n", "ns":
		return Nanoseconds, nil
	case "u", "us", "µ":
		return Unit{lineprotocol.Microsecond, 1}, nil
	case "ms":
		return Unit{lineprotocol.Millisecond, 1}, nil
	case "s":
		return Unit{lineprotocol.Second, 1}, nil
	case "m":
		return Unit{lineprotocol.Second, 60}, nil
	case "h":
		return Unit{lineprotocol.Second, 3600}, nil
	}
	return Unit{}, fmt.Errorf("precision is %q, which is none of ns, us, ms, s, m and h", precision)
}

// Decode does as the function Decode, with timestamps in this unit.
func (u Unit) Decode(text []byte, now time.Time) (telegraf.Metric, error) {
	d := lineprotocol.NewDecoderWithBytes(text)
	if !d.Next() {
		return nil, nil
	}
	name, err := d.Measurement()
	if err != nil {
		return nil, reason(err)
	}
	m := metric.New(string(name), nil, nil, now)
	if err := addPairs(m, d); err != nil {
		return nil, err
	}
	at, err := d.Time(u.precision, time.Time{})
	switch {
	case err != nil:
		return nil, reason(err)
	case d.Next():
		return nil, errTwoEntries
	case at.IsZero():
		at = now
	case u.times > 1:
		at = time.Unix(at.Unix()*u.times, 0)
	}
	m.SetTime(at)
	return m, nil
}

// addPairs adds the tags and fields that come next.
func addPairs(m telegraf.Metric, d *lineprotocol.Decoder) error {
	pairs := 0
	for ; pairs <= maxPairs; pairs++ {
		key, value, err := d.NextTag()
		if err != nil {
			return reason(err)
		}
		if key == nil {
			break
		}
		m.AddTag(string(key), string(value))
	}
	for ; pairs <= maxPairs; pairs++ {
		key, value, err := d.NextField()
		if err != nil {
			return reason(err)
		}
		if key == nil {
			return nil
		}
		m.AddField(string(key), value.Interface())
	}
	return errManyPairs
}

// reason replaces the decoder's line number, which counts from the entry.
func reason(err error) error {
	if syntax, ok := errors.AsType[*lineprotocol.DecodeError](err); ok {
		return fmt.Errorf("at column %d: %w", syntax.Column, syntax.Err)
	}
	return err
}
