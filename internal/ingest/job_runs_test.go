package ingest

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRunsKeepTheFilesOfAnHourTogether(t *testing.T) {
	at := func(hour, size int) source {
		return source{host: "gw", first: int64(hour) * int64(time.Hour), size: int64(size) << 20}
	}
	of := func(host string) source { return source{host: host, first: 1, size: 1} }
	unknown := source{host: "gw", first: math.MaxInt64, size: 5 << 20}
	stream := source{host: "gw", first: math.MaxInt64, stream: true}
	for name, test := range map[string]struct {
		sources []source
		want    []int
	}{
		"one":                           {[]source{at(1, 1)}, []int{1}},
		"small ones together":           {[]source{at(1, 1), at(2, 1), at(3, 1)}, []int{3}},
		"enough, at the next hour":      {[]source{at(1, 3), at(1, 3), at(1, 3), at(2, 1), at(3, 3), at(3, 1), at(4, 1)}, []int{3, 3, 1}},
		"large ones":                    {[]source{at(1, 100), at(25, 100)}, []int{1, 1}},
		"each host":                     {[]source{of("a"), of("a"), of("b")}, []int{2, 1}},
		"those of which one can't tell": {[]source{at(1, 4), unknown, unknown}, []int{1, 2}},
		"streams":                       {[]source{at(1, 1), stream, stream}, []int{1, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			var lengths []int
			var all []source
			for _, run := range runsOf(test.sources) {
				lengths, all = append(lengths, len(run)), append(all, run...)
			}
			require.Equal(t, test.want, lengths)
			require.Equal(t, test.sources, all)
		})
	}
}
