package e2e

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

const module = "telegraf-conntrack-accounting"

// deployment is the shipped configuration, with only its addresses changed,
// beside the databases it names.
type deployment struct {
	t       *testing.T
	folder  string
	config  string // telegraf.conf
	output  string // what the input plugin wrote, as line protocol
	gateway *gateway
	influx  *testkit.InfluxDB
	pg      *testkit.PG
}

func deploy(t *testing.T) *deployment {
	d := &deployment{t: t, folder: t.TempDir(), gateway: newGateway(t)}
	d.influx = testkit.Influx(t, d.gateway.router)
	d.pg = testkit.Postgres(t)
	root := testkit.Root(t)
	input := write(t, filepath.Join(d.folder, "conntrack_accounting.conf"), replace(t,
		read(t, root, "plugins", "inputs", "conntrack_accounting", "sample.conf"),
		`# exclude = `, `exclude = `,
		`# source_mask = "255.255.255.255"`, `source_mask = "24"`,
		`# destination_mask = "255.255.255.255"`, `destination_mask = "255.255.255.0"`,
		`# source_mask_ipv6 = 128`, `source_mask_ipv6 = 64`,
		`# destination_mask_ipv6 = 128`, `destination_mask_ipv6 = 64`,
		`# include_icmp = false`, `include_icmp = true`,
		`# ports = ["1-32767"]`, `ports = ["tcp:80", "udp:53"]`,
		`# sums = []`, `sums = ["src", "dst", "port"]`,
	))
	sink := write(t, filepath.Join(d.folder, "vpn_traffic.conf"), replace(t,
		read(t, root, "plugins", "outputs", "vpn_traffic", "sample.conf"),
		`# dsn = ""`, `dsn = "`+d.pg.DSN()+`"`,
		`# spool = "/var/lib/psql-sink"`, `spool = "`+d.folder+`/spool"`,
	))
	d.output = filepath.Join(d.folder, "output")
	d.config = write(t, filepath.Join(d.folder, "telegraf.conf"), replace(t,
		read(t, root, "sample.conf"),
		`interval = "15s"`, `interval = "1s"`,
		`"telegraf-conntrack-accounting"`, `"`+testkit.Binary(t, module+"/cmd/execd-plugin")+`"`,
		`"/etc/telegraf/conntrack_accounting.conf"`, `"`+input+`"`,
		`"http://127.0.0.1:8086"`, `"`+d.influx.URL+`"`,
		`"psql-sink"`, `"`+testkit.Binary(t, module+"/cmd/psql-sink")+`"`,
		`"/etc/telegraf/vpn_traffic.conf"`, `"`+sink+`"`,
	)+`
[[outputs.file]]
  files = ["`+d.output+`"]
  namepass = ["conntrack_accounting"]
  data_format = "influx"
`)
	return d
}

// start starts Telegraf on the router and waits until it gathers.
func (d *deployment) start(args ...string) *testkit.Child {
	return testkit.Agent{Config: d.config, Args: args, Netns: d.gateway.router}.Start(d.t)
}

// printed returns the sums of the metrics in line protocol.
func printed(t *testing.T, text string) map[series]sums {
	t.Helper()
	out := map[series]sums{}
	for _, m := range parse(t, text) {
		if m.Name() != "conntrack_accounting" {
			continue
		}
		field := func(name string) uint64 {
			value, ok := m.GetField(name)
			require.True(t, ok, name)
			return uint64(value.(int64))
		}
		s := series{m.Tags()["proto"], m.Tags()["src"], m.Tags()["dst"], m.Tags()["port"]}
		sum := out[s]
		sum.src.Packets += field("src_packets")
		sum.src.Bytes += field("src_bytes")
		sum.dst.Packets += field("dst_packets")
		sum.dst.Bytes += field("dst_bytes")
		out[s] = sum
	}
	return out
}

// inInflux returns the sums of what is in InfluxDB.
func (d *deployment) inInflux() map[series]sums { return d.measured("conntrack_accounting") }

// measured returns the sums of a measurement, which need not have all tags.
func (d *deployment) measured(measurement string) map[series]sums {
	out := map[series]sums{}
	for _, row := range d.influx.Query("telegraf", `SELECT sum(src_packets), sum(src_bytes), sum(dst_packets), sum(dst_bytes) FROM `+measurement+` GROUP BY proto, src, dst, port`) {
		number := func(column int) uint64 {
			if row.Values[0][column] == nil {
				return 0 // the field is being written just now
			}
			n, err := strconv.ParseUint(row.Values[0][column].(interface{ String() string }).String(), 10, 64)
			require.NoError(d.t, err)
			return n
		}
		out[series{row.Tags["proto"], row.Tags["src"], row.Tags["dst"], row.Tags["port"]}] = sums{
			testkit.Counter{Packets: number(1), Bytes: number(2)},
			testkit.Counter{Packets: number(3), Bytes: number(4)},
		}
	}
	return out
}

// inPostgres returns the sums of what is in vpn_traffic.
func (d *deployment) inPostgres() map[series]sums {
	rows, err := d.pg.DB().Query(`SELECT proto, src, dst, port, sum(src_packets), sum(src_bytes), sum(dst_packets), sum(dst_bytes) FROM vpn_traffic GROUP BY 1, 2, 3, 4`)
	require.NoError(d.t, err)
	defer rows.Close()
	out := map[series]sums{}
	for rows.Next() {
		var s series
		var sum sums
		require.NoError(d.t, rows.Scan(&s.proto, &s.src, &s.dst, &s.port, &sum.src.Packets, &sum.src.Bytes, &sum.dst.Packets, &sum.dst.Bytes))
		out[s] = sum
	}
	require.NoError(d.t, rows.Err())
	return out
}
