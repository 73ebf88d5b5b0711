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

var errTwoEntries = errors.New("text after the end of the entry")

// Decode makes a metric of one entry of line protocol, and nil of an empty
// one or a comment. An entry without a timestamp gets now.
func Decode(text []byte, now time.Time) (telegraf.Metric, error) {
	d := lineprotocol.NewDecoderWithBytes(text)
	if !d.Next() {
		return nil, nil
	}
	name, err := d.Measurement()
	if err != nil {
		return nil, reason(err)
	}
	m := metric.New(string(name), nil, nil, now)
	for {
		key, value, err := d.NextTag()
		if err != nil {
			return nil, reason(err)
		}
		if key == nil {
			break
		}
		m.AddTag(string(key), string(value))
	}
	for {
		key, value, err := d.NextField()
		if err != nil {
			return nil, reason(err)
		}
		if key == nil {
			break
		}
		m.AddField(string(key), value.Interface())
	}
	at, err := d.Time(lineprotocol.Nanosecond, now)
	if err != nil {
		return nil, reason(err)
	}
	if d.Next() {
		return nil, errTwoEntries
	}
	m.SetTime(at)
	return m, nil
}

// reason replaces the decoder's line number, which counts from the entry.
func reason(err error) error {
	if syntax, ok := errors.AsType[*lineprotocol.DecodeError](err); ok {
		return fmt.Errorf("at column %d: %w", syntax.Column, syntax.Err)
	}
	return err
}
