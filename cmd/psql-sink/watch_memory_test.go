package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/testkit"
)

const memoryBound = 100 << 20

// Memory stays below its bound while a backlog drains and metrics come, as many as a
// gateway of 120,000 series sends.
func TestSinkMemory(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	pg := testkit.Database(t)
	p := build(t, pg.DSN())
	rows, at := p.backlog()
	in, out, err := os.Pipe()
	require.NoError(t, err)
	sink := p.start(in)
	require.NoError(t, in.Close())
	const series = 120_000
	for n := range 2 {
		_, err := out.WriteString(hugeMetrics(at.Add(time.Duration(n)*15*time.Second), series))
		require.NoError(t, err)
	}
	p.drained()
	peak := resident(sink.Process.Pid)
	require.NoError(t, out.Close())
	require.NoError(t, sink.Wait())
	p.finish()
	rows += 2 * series
	t.Logf("%d rows: peak of resident memory: %d MB", rows, peak>>20)
	var stored int
	require.NoError(t, pg.DB().QueryRow(`SELECT count(*) FROM vpn_traffic`).Scan(&stored))
	require.Equal(t, rows, stored)
	require.Positive(t, peak)
	require.Less(t, peak, memoryBound)
}

// backlog fills the spool with usual reports and with a huge one, which is there
// in batches of Telegraf's. It returns how many rows they have, and the time of
// the next report.
func (p *program) backlog() (rows int, at time.Time) {
	t := p.t
	require.NoError(t, os.MkdirAll(filepath.Join(p.spool, "new"), 0o755))
	sequence := 0
	put := func(at time.Time, text []byte) {
		sequence++
		name := reportfile.FileName(at, 1, sequence, "gw")
		require.NoError(t, os.WriteFile(filepath.Join(p.spool, "new", name), text, 0o600))
	}
	at = time.Unix(0, epoch)
	for n := range 20 {
		put(at, appendBenchReport(nil, at, n, 10_000))
		rows, at = rows+10_000, at.Add(15*time.Second)
	}
	const huge = 120_000
	for text := []byte(hugeReport(at, huge)); len(text) > 0; {
		end := endOfLine(text, 700_000)
		put(at, text[:end])
		text = text[end:]
	}
	return rows + huge, at.Add(15 * time.Second)
}

// hugeMetrics is hugeReport as line protocol.
func hugeMetrics(at time.Time, rows int) string {
	var text strings.Builder
	for row := range rows {
		fmt.Fprintf(&text, "traffic,host=gw,proto=tcp,src=10.%d.%d.0,dst=10.33.%d.0,port=%d src_packets=1i,src_bytes=1i,dst_packets=1i,dst_bytes=1i,connection_count=2i,connection_times=3i %d\n",
			32+row%4, row/4%150, row/600, 440+row%7, at.UnixNano())
	}
	return text.String()
}

// endOfLine returns where the line ends that the byte at n is in.
func endOfLine(text []byte, n int) int {
	for ; n < len(text); n++ {
		if text[n] == '\n' {
			return n + 1
		}
	}
	return len(text)
}
