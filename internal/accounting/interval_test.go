package accounting

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// each ends an interval and passes its series on.
func each(t *Tracker, emit func(*Series)) {
	var interval Interval
	t.Take(&interval)
	interval.Each(emit)
}

// What is accounted after an interval was taken is none of its, though both use
// the same memory in turn.
func TestIntervalIsApart(t *testing.T) {
	tr := started(testConfig(t))
	id := uint32(0)
	send := func(flows int) {
		for range flows {
			id++
			f := flowOf(id, protoTCP, 10)
			tr.OnDestroy(&f, at(1))
		}
	}
	packets := func(v *Interval) (n uint64) {
		v.Each(func(s *Series) { n += s.Orig.Packets })
		return n
	}
	var interval Interval
	for round := 1; round <= 5; round++ {
		send(round)
		tr.Take(&interval)
		send(100 * round)
		require.EqualValues(t, round, packets(&interval))
		tr.Take(&interval)
		require.EqualValues(t, 100*round, packets(&interval))
	}
}
