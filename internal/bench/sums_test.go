package bench

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// BenchmarkGatherSums measures what the option sums adds to a gather: of hosts that talk
// each to all others, and of one source with as many destinations, each of which is a
// sum of its own. Both programs have the same flows, and take turns in going first.
func BenchmarkGatherSums(b *testing.B) {
	const hosts = 347
	var t table
	t.add("series", "sums", "a gather without", "with sums", "to without", "CPU to without")
	for _, traffic := range []struct {
		series, sums int
		send         func(*testing.B, *testkit.Netns)
	}{
		{hosts * hosts, 2*hosts + 1, func(b *testing.B, ns *testkit.Netns) { talk(b, ns, hosts) }},
		{manySeries, 1 + manySeries + 1, func(b *testing.B, ns *testkit.Netns) { spray(b, ns, manySeries) }},
	} {
		ns := newTable(b, 0)
		allow(b, 2*traffic.series)
		binary := testkit.Binary(b, module+"/cmd/execd-plugin")
		plain, summing := startProgram(b, ns, binary, unanswered), startProgram(b, ns, binary, unanswered, `sums = ["src", "dst", "port"]`)
		gather := func(p *program, metrics int) cost {
			return timed(func() { require.Equal(b, metrics, p.gather()) })
		}
		var without, with []cost
		for round := range rounds(b) {
			traffic.send(b, ns)
			if round%2 == 1 {
				with = append(with, gather(summing, traffic.series+traffic.sums))
			}
			without = append(without, gather(plain, traffic.series))
			if round%2 == 0 {
				with = append(with, gather(summing, traffic.series+traffic.sums))
			}
		}
		cpu := summing.stop().Seconds() / plain.stop().Seconds()
		t.add(traffic.series, traffic.sums, ms(median(without).Wall), ms(median(with).Wall), ratio(with, without, wall), fmt.Sprintf("%.2f", cpu))
	}
	t.print("Sums of a gather, into a pipe")
}
