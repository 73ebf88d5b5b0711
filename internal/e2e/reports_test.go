package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// files is the layout without Telegraf: the input writes report files into the
// spool, and psql-sink watch imports them.
type files struct {
	*deployment
	spool, input string // the folder, and the input's configuration
}

func deployFiles(t *testing.T) *files {
	d := &deployment{t: t, folder: t.TempDir(), gateway: newGateway(t), pg: testkit.Postgres(t)}
	f := &files{deployment: d, spool: filepath.Join(d.folder, "spool")}
	networks := write(t, filepath.Join(d.folder, "networks.csv"), "0.0.0.0/0,\"all, of \"\"version 4\"\"\"\n")
	f.input = write(t, filepath.Join(d.folder, "conntrack_accounting.conf"), replace(t,
		read(t, testkit.Root(t), "plugins", "inputs", "conntrack_accounting", "sample.conf"),
		`# source_mask = "255.255.255.255"`, `source_mask = "24"`,
		`# destination_mask = "255.255.255.255"`, `destination_mask = "24"`,
		`# source_mask_ipv6 = 128`, `source_mask_ipv6 = 64`,
		`# destination_mask_ipv6 = 128`, `destination_mask_ipv6 = 64`,
		`# networks_file = "/etc/telegraf/networks.csv"`, `networks_file = "`+networks+`"`,
		`# include_icmp = false`, `include_icmp = true`,
		`# ports = ["1-32767"]`, `ports = ["tcp:80", "udp:53"]`,
		`# report_directory = ""`, `report_directory = "`+f.spool+`/new"`,
	))
	return f
}

// sink prepares psql-sink with a spool in a folder of its own.
func (f *files) sink(spool string, args ...string) *exec.Cmd {
	config := write(f.t, spool+".conf", replace(f.t,
		read(f.t, testkit.Root(f.t), "plugins", "outputs", "vpn_traffic", "sample.conf"),
		`# dsn = ""`, `dsn = "`+f.pg.DSN()+`"`,
		`# spool = "/var/lib/psql-sink"`, `spool = "`+spool+`"`,
	))
	return exec.Command(testkit.Binary(f.t, module+"/cmd/psql-sink"), append(args, "-config", config)...)
}

// From the kernel to vpn_traffic through files alone: each row is exactly the
// metric that the input printed, and all of them are what nftables counted.
func TestReportFilesReachPostgres(t *testing.T) {
	t.Parallel()
	f := deployFiles(t)
	watch := testkit.StartChild(t, f.sink(f.spool, "watch"))
	require.Eventually(t, func() bool { return strings.Contains(watch.Stdout(), "importing reports from "+f.spool+"/new") }, 30*time.Second, 10*time.Millisecond)
	stdin, gather, err := os.Pipe()
	require.NoError(t, err)
	cmd := f.gateway.router.Command(testkit.Binary(t, module+"/cmd/execd-plugin"), "-config", f.input)
	cmd.Stdin = stdin
	input := testkit.StartChild(t, cmd)
	require.NoError(t, stdin.Close())
	waitFor(t, input, started)
	for range 3 {
		f.gateway.talk()
		_, err := fmt.Fprintln(gather)
		require.NoError(t, err)
	}
	f.gateway.talk()
	require.NoError(t, gather.Close(), "which asks for the last gather")
	require.NoError(t, input.Wait(30*time.Second))

	metrics := printedRows(t, input.Stdout())
	require.Eventually(t, func() bool { return len(f.storedRows()) >= len(metrics) }, 30*time.Second, 100*time.Millisecond)
	require.NoError(t, watch.Stop())
	require.Equal(t, f.gateway.counted(), printed(t, input.Stdout()))
	require.Equal(t, f.gateway.counted(), f.inPostgres())
	require.Equal(t, metrics, f.storedRows())
	f.requireNames()
	f.requireOnceBothWays(input.Stdout())
	f.requireNames()
}

// requireNames demands a name of each IPv4 source and destination since its first
// row, and of no other.
func (f *files) requireNames() {
	db := f.pg.DB()
	var named, wrong int
	require.NoError(f.t, db.QueryRow(`SELECT count(l.name), count(*) FILTER (WHERE (l.name = 'all, of "version 4"' AND l.since = v.since) IS NOT TRUE)
		FROM (SELECT kind, address, host, min(time) AS since
			FROM vpn_traffic, LATERAL (VALUES ('src', src), ('dst', dst)) AS ends (kind, address)
			WHERE address LIKE '%.%' GROUP BY kind, address, host) AS v
		FULL JOIN vpn_traffic_name_history AS l USING (kind, address, host)`).Scan(&named, &wrong))
	require.Positive(f.t, named)
	require.Zero(f.t, wrong)
}

// requireOnceBothWays sends the same metrics as Telegraf does: they are known
// already, but under another name of the host they are not.
func (f *files) requireOnceBothWays(metrics string) {
	host, err := os.Hostname()
	require.NoError(f.t, err)
	before := f.storedRows()
	for _, sent := range []struct {
		host string
		sum  int
	}{{host, 1}, {"another-name", 2}} {
		cmd := f.sink(filepath.Join(f.folder, "telegraf-"+sent.host))
		cmd.Stdin = strings.NewReader(strings.ReplaceAll(metrics, "conntrack_accounting,", "conntrack_accounting,host="+sent.host+","))
		require.NoError(f.t, testkit.StartChild(f.t, cmd).Wait(30*time.Second))
		require.Len(f.t, f.storedRows(), sent.sum*len(before), sent.host)
	}
}

// printedRows returns metrics in line protocol as storedRows returns rows.
func printedRows(t *testing.T, text string) (rows []string) {
	t.Helper()
	for _, m := range parse(t, text) {
		if m.Name() != "conntrack_accounting" {
			continue // the plugin's own metric
		}
		row := []any{m.Time().UnixNano()}
		for _, tag := range []string{"proto", "src", "dst", "port"} {
			row = append(row, m.Tags()[tag])
		}
		for _, name := range []string{"src_packets", "src_bytes", "dst_packets", "dst_bytes", "connection_count", "connection_times"} {
			value, ok := m.GetField(name)
			require.True(t, ok, name)
			row = append(row, value)
		}
		rows = append(rows, strings.TrimSpace(fmt.Sprintln(row...)))
	}
	slices.Sort(rows)
	return rows
}

// storedRows returns what is in vpn_traffic, a text a row, sorted.
func (d *deployment) storedRows() (all []string) {
	rows, err := d.pg.DB().Query(`SELECT concat_ws(' ', (extract(epoch FROM time) * 1000000000)::bigint, proto, src, dst, port,
		src_packets, src_bytes, dst_packets, dst_bytes, connection_count, connection_times) FROM vpn_traffic`)
	if err != nil {
		return nil // the sink has not made the table yet
	}
	defer rows.Close()
	for rows.Next() {
		var row string
		require.NoError(d.t, rows.Scan(&row))
		all = append(all, row)
	}
	require.NoError(d.t, rows.Err())
	slices.Sort(all)
	return all
}
