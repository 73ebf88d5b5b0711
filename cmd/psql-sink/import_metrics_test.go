package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
)

// Line protocol is imported as a sink with the same options stores it: each metric as
// of its own host, once. What is rejected is kept by kind, and comes in when mended.
func testImportMetrics(i *importTest) {
	const line = "raw_traffic,dst=10.33.0.0,gw=%s,port=%d,proto=tcp,src=10.32.1.0 src_packets=1i,src_bytes=77i,dst_packets=3i,dst_bytes=400i %d\n"
	options, err := os.ReadFile(i.config)
	require.NoError(i.t, err)
	require.NoError(i.t, os.WriteFile(i.config, append(options, "  measurements = [\"raw_traffic\"]\n  host_tag = \"gw\"\n"...), 0o600))
	var text strings.Builder
	for n := range 100 {
		fmt.Fprintf(&text, "# a comment\n"+line, []string{"gw1", "gw2"}[n%2], n, epoch+int64(n)*interval)
	}
	text.WriteString("junk\n" + strings.Replace(fmt.Sprintf(line, "gw3", 443, epoch), "raw_", "", 1) + strings.Replace(fmt.Sprintf(line, "", 53, epoch), "gw=,", "", 1))
	plain := i.file("metrics.txt", text.String())
	packed := i.file("metrics.txt.gz", "\ufeff"+text.String())
	reports := i.file("reports.csv", reportLines(0, 10)+"bad\n")
	rejected := filepath.Join(i.dir, "rejected")

	code, stdout, stderr := i.run(text.String(), "-rejected", rejected, "-host", "given", plain, reports, packed, "-")
	require.Equal(i.t, exitRejected, code, stderr)
	require.Contains(i.t, stdout, "4 of 4 files: 111 rows imported, 202 duplicate, 7 rejected;")
	require.Contains(i.t, stderr, plain+":201: no line protocol: at column 5: ")
	require.Contains(i.t, stderr, plain+`:202: measurement "traffic" is renamed traffic: name it in measurements of outputs.vpn_traffic`)
	require.Equal(i.t, "given:11 gw1:50 gw2:50", i.query(`SELECT string_agg(host || ':' || n, ' ' ORDER BY host) FROM
		(SELECT host, count(*) AS n FROM vpn_traffic GROUP BY host) AS hosts`))
	i.requireRollups()

	lines, err := os.ReadFile(rejected)
	require.NoError(i.t, err)
	require.Equal(i.t, "# "+reports+":11: has 1 columns, not 11, 12 or 14\nbad\n", string(lines))
	metrics, err := os.ReadFile(rejected + ".influx")
	require.NoError(i.t, err)
	require.Equal(i.t, 3, strings.Count(string(metrics), "\njunk\n"))
	mended := i.file("mended", strings.NewReplacer("\njunk\n", "\n", "\ntraffic,", "\nraw_traffic,").Replace(string(metrics)))
	require.Contains(i.t, i.ok(mended), "1 of 1 files: 1 rows imported, 2 duplicate, 0 rejected;")
	require.Equal(i.t, "gw3 77", i.query(`SELECT host || ' ' || src_bytes FROM vpn_traffic WHERE port = 443 AND src_bytes = 77`))
	i.requireRollups()
}
