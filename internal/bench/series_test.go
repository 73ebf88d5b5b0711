package bench

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// manySeries is what a gather of a large gateway may say.
const manySeries = 120_000

// unanswered makes room for that many series of flows that nobody answers.
const unanswered = "max_series = 400_000"

// BenchmarkSeries measures what it takes to say much: a gather in which every
// flow is a series of its own, and one of the same table with nothing to say.
func BenchmarkSeries(b *testing.B) {
	ns := newTable(b, manySeries)
	p := startProgram(b, ns, testkit.Binary(b, module+"/cmd/execd-plugin"), unanswered)
	var full, empty, encoded []cost
	for range rounds(b) {
		spray(b, ns, manySeries) // the same flows again
		full = append(full, timed(func() { require.Equal(b, manySeries, p.gather()) }))
		empty = append(empty, timed(func() { require.Zero(b, p.gather()) }))
		encoded = append(encoded, cost{Wall: full[len(full)-1].Wall - empty[len(empty)-1].Wall})
	}
	p.stop()
	var t table
	t.add("series", "gather", "without a series", "encoded and written in")
	t.add(manySeries, ms(median(full).Wall), ms(median(empty).Wall), ms(median(encoded).Wall))
	t.print("Series of a gather, into a pipe")
}

func timed(fn func()) cost {
	start := time.Now()
	fn()
	return cost{Wall: time.Since(start)}
}

// BenchmarkPostgres measures how long the series of a gather, of hosts that talk
// each to all others, take through the real Telegraf into Postgres: from the time
// that they carry, to the commit of the last one.
func BenchmarkPostgres(b *testing.B) {
	const hosts = 347
	ns := newTable(b, 0)
	allow(b, 2*hosts*hosts)
	pg := testkit.Postgres(b)
	agent := testkit.Agent{Config: telegrafConfig(b, ns, pg)}.Start(b)
	require.Eventually(b, func() bool { return strings.Contains(agent.Stderr(), "accounting started") }, time.Minute, 10*time.Millisecond)
	db := pg.DB()
	var costs []cost
	for round := range rounds(b) {
		begin(20 * time.Second)
		talk(b, ns, hosts)
		// Every flow had one packet, whichever gathers saw them. The sums come in the
		// transaction of the rows, and asking for them costs nothing.
		var last time.Time
		require.Eventually(b, func() bool {
			var packets int
			err := db.QueryRow(`SELECT coalesce(sum(src_packets), 0), coalesce(max(time), now()) FROM vpn_traffic_by_port`).Scan(&packets, &last)
			return err == nil && packets == hosts*hosts*(round+1)
		}, 2*time.Minute, 20*time.Millisecond)
		costs = append(costs, cost{Wall: time.Since(last)})
	}
	require.NoError(b, agent.Stop())
	var t table
	t.add("series", "from the gather to the commit of the last")
	t.add(hosts*hosts, ms(median(costs).Wall))
	t.print("Series of a gather, through Telegraf into Postgres")
}

// talk has each of some hosts send a datagram to each of as many others.
func talk(b *testing.B, ns *testkit.Netns, hosts int) {
	for host := range hosts {
		client := ns.ListenUDP(b, fmt.Sprintf("10.32.%d.%d:1000", host/250, 1+host%250))
		require.NoError(b, testkit.Spray(client, netip.MustParseAddr("10.33.0.0"), 9, hosts, 8))
		require.NoError(b, client.Close())
	}
}

// begin waits until an interval has just begun.
func begin(interval time.Duration) {
	time.Sleep(time.Until(time.Now().Truncate(interval).Add(interval + 2*time.Second)))
}

// telegrafConfig writes the shipped configuration without InfluxDB. Telegraf
// flushes what is no full batch every second, so that the benchmark does not
// measure how long it waits.
func telegrafConfig(b *testing.B, ns *testkit.Netns, pg *testkit.PG) string {
	folder := b.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		require.NoError(b, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	input := write("input.conf", fmt.Sprintf("[[inputs.conntrack_accounting]]\nnetwork_namespace = %q\n%s\n", ns.Path(), unanswered))
	sink := write("sink.conf", fmt.Sprintf("[[outputs.vpn_traffic]]\ndsn = %q\nspool = %q\n", pg.DSN(), filepath.Join(folder, "spool")))
	shipped, err := os.ReadFile(filepath.Join(testkit.Root(b), "sample.conf"))
	require.NoError(b, err)
	text := string(shipped)
	for _, change := range [][2]string{
		{`interval = "15s"`, `interval = "20s"`},
		{`flush_interval = "10s"`, `flush_interval = "1s"`},
		{`flush_jitter = "2s"`, `flush_jitter = "0s"`},
		{`"telegraf-conntrack-accounting"`, fmt.Sprintf("%q", testkit.Binary(b, module+"/cmd/execd-plugin"))},
		{`"/etc/telegraf/conntrack_accounting.conf"`, fmt.Sprintf("%q", input)},
		{`"psql-sink"`, fmt.Sprintf("%q", testkit.Binary(b, module+"/cmd/psql-sink"))},
		{`"/etc/telegraf/vpn_traffic.conf"`, fmt.Sprintf("%q", sink)},
		{`[[outputs.influxdb]]`, `[[outputs.discard]]`},
	} {
		require.Contains(b, text, change[0])
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	for _, option := range []string{`urls = ["http://127.0.0.1:8086"]`, `database = "telegraf"`} {
		require.Contains(b, text, option)
		text = strings.ReplaceAll(text, option, "")
	}
	return write("telegraf.conf", text)
}
