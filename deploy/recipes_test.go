package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// gatewayPrelude stands for what the machines of the test do not have: systemd,
// whose "restart telegraf" here has a sink store what waits in its spool, as the one
// does that Telegraf starts; and ssh, where $shared is the other host's home.
const gatewayPrelude = `
systemctl() {
    echo "systemctl $*"
    [ "$*" = 'restart telegraf' ] && [ -e /etc/telegraf/vpn_traffic.conf ] && grep -q psql-sink /etc/telegraf/telegraf.conf || return 0
    install -d -o telegraf -g telegraf -m 0750 /var/lib/psql-sink /var/lib/psql-sink/new
    (cd / && HOME=/ setpriv --reuid telegraf --regid telegraf --init-groups psql-sink -config /etc/telegraf/vpn_traffic.conf </dev/null) || true
}
# await FILE: until the other machine has made it, or has failed.
trap '[ $? = 0 ] || touch "$shared/failed"' EXIT
await() {
    until [ -e "$shared/$1" ]; do
        [ ! -e "$shared/failed" ] || { echo "the other machine has failed" >&2; exit 1; }
        sleep 0.5
    done
}
scp() {
    case $1 in
    192.0.2.20:*) await "${1#*:}.whole"; cp "$shared/${1#*:}" "$2" ;;
    *) cp "$1" "$shared/" && touch "$shared/$1.whole" ;;
    esac
}
# report NAME: rows of NAME come, as those of the input do.
report() {
    install -o telegraf -g telegraf -m 0640 /dev/stdin "/var/lib/psql-sink/new/$1"
    touch -d '1 minute ago' "/var/lib/psql-sink/new/$1" # else it might be written still
    systemctl restart telegraf
}
ask() { runuser -u postgres -- psql -d vpn -tAc "$1"; }
is() { # WANT GOT WHAT
    [ "$1" = "$2" ] || { echo "$3: want $1, got $2" >&2; exit 1; }
}
cd /root
`

// TestRecipes does what docs/operations.md's recipes say, word for word, on two
// machines: a gateway with Postgres and Telegraf, and the host Postgres moves to. There
// it does the upgrade of docs/database.md, too, of a table that a role of its own has.
func TestRecipes(t *testing.T) {
	testkit.Trial(t)
	testkit.Need(t, "unshare", "runuser", "setpriv", "pg_createcluster", "influxd", "influx", "openssl")
	root := testkit.Root(t)
	shared, err := os.MkdirTemp(filepath.Join(root, "build"), "recipes") // the machines have the repository in common
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(shared) })
	recipes := make(map[string][]string)
	for _, name := range []string{"Who scanned", "A month as CSV", "Deleting a customer", "Backup and restore", "Moving Postgres to another host", "Upgrading", "Uninstalling"} {
		recipes[name] = blocks(t, root, "docs/operations.md", "### "+name)
	}
	install, postgres := blocks(t, root, "README.md", "## Install")[0], blocks(t, root, "README.md", "### Into Postgres")[0]
	roles := blocks(t, root, "docs/operations.md", "## Roles")
	restore, upgrade := recipes["Backup and restore"][1], blocks(t, root, "docs/database.md", "## Upgrade from the old table")

	gateway := script(t, shared, gatewayPrelude, download(t, "older"), install, postgres, first,
		ask(recipes["Who scanned"][0]), recipes["Who scanned"][1], recipes["A month as CSV"][0], month,
		customer, recipes["Deleting a customer"][0], recipes["Deleting a customer"][1], deleted,
		recipes["Backup and restore"][0], damaged, restore, restored,
		others(t, root),
		download(t, "newer"), recipes["Upgrading"][0], recipes["Moving Postgres to another host"][0], waits, recipes["Moving Postgres to another host"][2], moved,
		recipes["Uninstalling"][0], recipes["Uninstalling"][1], gone)
	host := script(t, shared, gatewayPrelude, "await vpn.dump.whole\ncp $shared/vpn.dump .\n",
		download(t, "newer"), "apt-get install -y ./*.deb\n", "service postgresql start\n", restore, roles[0], roles[1],
		`is t "$(ask "SELECT keep = interval '14 days' FROM vpn_traffic_retention WHERE level = 'raw'")" 'what the owner keeps'`, recipes["Moving Postgres to another host"][1],
		"cp vpn_traffic.pgpass $shared/; touch $shared/vpn_traffic.pgpass.whole\nawait stored\n",
		`is 1 "$(ask "SELECT count(*) FROM vpn_traffic WHERE src = '10.9.9.9'")" 'rows on the new host'`,
		older, upgrade[0], ask(upgrade[1]), `is 2 "$(ask 'SELECT count(*) FROM vpn_traffic')" 'rows of the old table'`, "service postgresql stop\n")

	a, b := testkit.NewNetns(t), testkit.NewNetns(t)
	a.TrackAll(t)
	testkit.Link(t, a, b, []string{"192.0.2.10/24"}, []string{"192.0.2.20/24"})
	old := machine(t, a, root, gateway)
	other := machine(t, b, root, host)
	require.NoError(t, old.Wait(10*time.Minute), "%s\n%s\nthe new host:\n%s", old.Stdout(), old.Stderr(), other.Stderr())
	require.NoError(t, other.Wait(time.Minute), "%s\n%s", other.Stdout(), other.Stderr())
	require.Contains(t, old.Stdout()+old.Stderr(), "storing into vpn at 192.0.2.20:5432 as vpn_traffic_writer", "as the recipe says")
}

// others returns what other chapters and documents have an administrator do.
func others(t *testing.T, root string) string {
	t.Helper()
	const readme, operations, dashboards, database = "plugins/outputs/vpn_traffic/README.md", "docs/operations.md", "docs/dashboards.md", "docs/database.md"
	all := func(document, heading string) string { return strings.Join(blocks(t, root, document, heading), "") }
	return strings.Join([]string{
		rejected, all(readme, "## Metrics"),
		files, all("docs/migration.md", "## History"), all(readme, "## History"), imported,
		all(database, "## Is it all right?"), all(dashboards, "## A look without Grafana"), all(dashboards, "### As CSV"),
		all(database, "## Forgetting"), forgotten,
		all("docs/floods.md", "### The kernel"), all(operations, "## Traffic that conntrack does not count"), all(operations, "## Ways into Postgres"),
		grafana, blocks(t, root, dashboards, "## Setting up")[0], "ls /var/lib/grafana/dashboards/conntrack-accounting/postgres/*.json; cd /root",
	}, "\n")
}

// What the gateway's script looks for between the recipes.
const (
	first = `
now=$(date +%s) past=$(date -d "$(date +%Y-%m-15) -1 month" +%s)
for n in 1 2 3; do echo "${now}000000000,tcp,10.77.1.0,10.32.$n.0,443,1,1,10,20,1,5"; done | report a.csv
printf '%s000000000,udp,10.32.9.0,2001:db8:77::1,53,1,1,10,20,1,5\n' "$now" "$past" | report b.csv
is 5 "$(ask 'SELECT sum(src_packets) FROM vpn_traffic_hour_by_port')" 'packets, with what retention has dropped'
influxd >/dev/null 2>&1 & influx=$!
until influx -execute 'CREATE DATABASE telegraf' 2>/dev/null; do sleep 0.1; done
for tags in src=10.77.1.0,dst=10.32.1.0 src=10.32.1.0,dst=10.77.1.0 src=10.32.1.0,dst=2001:db8:77::1 src=10.32.1.0,dst=10.32.2.0; do
    influx -database telegraf -execute "INSERT conntrack_accounting,$tags src_bytes=1i"
done
`
	month = `
is 1 "$(grep -c 2001:db8:77::1 traffic-*-by-dst.csv)" 'lines of last month'
is 2 "$(wc -l <"traffic-$since-by-src.csv")" 'a header and a source'
`
	customer = `
influx -database telegraf -execute 'SHOW SERIES' | grep -c '^conntrack_accounting' >before
`
	deleted = `
is 4 "$(cat before)" 'series before'
is conntrack_accounting,dst=10.32.2.0,src=10.32.1.0 "$(influx -database telegraf -execute 'SHOW SERIES' | grep '^conntrack_accounting')" 'series of others'
kill $influx
is 0 "$(ask 'SELECT count(*) FROM vpn_traffic')" 'rows of the customer'
is 0 "$(ask 'SELECT count(*) FROM vpn_traffic_hour_by_pair')" 'sums of the customer'
echo "${now}000000000,tcp,10.32.1.0,10.32.2.0,443,1,1,10,20,1,5" | report c.csv
`
	damaged = `
echo "${now}000000000,tcp,10.32.4.0,10.32.2.0,443,1,1,10,20,1,5" | report lost.csv
runuser -u postgres -- dropdb vpn
`
	restored = `
is 1 "$(ask 'SELECT count(*) FROM vpn_traffic')" 'rows that came back'
is '' "$(ask "SELECT relname FROM pg_class WHERE relname LIKE 'vpn_traffic%' AND relowner <> 'vpn_traffic_owner'::regrole")" 'what the owner does not own'
echo "${now}000000000,tcp,10.32.3.0,10.32.2.0,443,1,1,10,20,1,5" | report d.csv
is 2 "$(ask 'SELECT count(*) FROM vpn_traffic')" 'rows after the restore'
`
	rejected = `
cd /var/lib/psql-sink
echo "conntrack_accounting,host=gw2,proto=tcp,src=10.32.9.0,dst=10.32.2.0,port=443 src_packets=1i,src_bytes=1i,dst_packets=1i,dst_bytes=1i ${now}000000000" >rejected/metrics-20260101.txt
`
	files = `
mkdir -p /var/log/accounting /srv/history && cd /srv/history
row() { echo "${now}000000000,tcp,10.77.1.0,10.32.$1.0,443,1,1,10,20,1,5"; }
row 1 >/var/log/accounting/a.csv
for year in 2021 2023; do row ${year#20} | gzip >$year.csv.gz; done
now=$(date -d 2026-10-15 +%s) && row 20 | gzip >2020.csv.gz && now=$(date +%s) # the month of the example
`
	imported = `
is 'gw1 4,gw2 1' "$(ask "SELECT string_agg(host || ' ' || n, ',' ORDER BY host) FROM (SELECT host, count(*) AS n FROM vpn_traffic WHERE host LIKE 'gw_' GROUP BY host) AS hosts")" 'rows that were imported'
`
	forgotten = `
is gw2 "$(ask "SELECT string_agg(host, ',') FROM vpn_traffic WHERE host LIKE 'gw_'")" 'hosts after gw1 was forgotten'
`
	grafana = `
mkdir -p /etc/grafana/provisioning/datasources /etc/grafana/provisioning/dashboards /etc/grafana/provisioning/alerting
cd /usr/share/telegraf-conntrack-accounting
`
	older = `
runuser -u postgres -- dropdb vpn
runuser -u postgres -- createdb --template=template0 --encoding=UTF8 vpn
ask 'CREATE ROLE importer; GRANT CREATE ON SCHEMA public TO importer; SET ROLE importer;
    CREATE TABLE vpn_traffic (id serial PRIMARY KEY, time timestamptz, src varchar(16), dst varchar(16), proto varchar(4), port int,
        src_packets bigint, src_bytes bigint, dst_packets bigint, dst_bytes bigint, connection_times int, connection_count int, open_connections int,
        UNIQUE (time, src, dst, proto, port));
    CREATE INDEX vpn_traffic_time ON vpn_traffic (time);
    CREATE INDEX vpn_traffic_src_dst ON vpn_traffic (src, dst);
    INSERT INTO vpn_traffic SELECT n, now(), $$10.32.1.0$$, $$10.33.1.0$$, $$tcp$$, n, 1, 100, 1, 100, 1, 1, 1 FROM generate_series(1, 2) AS n'
`
	waits = `
echo "${now}000000000,tcp,10.9.9.9,10.32.2.0,443,1,1,10,20,1,5" | report e.csv
is 1 "$(ls /var/lib/psql-sink/new | wc -l)" 'reports that wait'
`
	moved = `
is 0 "$(ls /var/lib/psql-sink/new | wc -l)" 'reports that wait'
touch $shared/stored
`
	gone = `
for path in /usr/bin/psql-sink /etc/telegraf/vpn_traffic.conf /etc/telegraf/vpn_traffic.pgpass /var/lib/psql-sink /usr/lib/systemd/system/telegraf.service.d; do
    [ ! -e $path ] || { echo "$path is left" >&2; exit 1; }
done
runuser -u postgres -- psql -tAc 'SELECT rolname FROM pg_roles' | grep vpn_traffic && exit 1
service postgresql stop
`
)

// ask has psql run statements.
func ask(statements string) string {
	return "runuser -u postgres -- psql -v ON_ERROR_STOP=1 -d vpn <<'END'\n" + statements + "END\n"
}

// script writes a script that runs parts one after the other, each said before.
func script(t *testing.T, shared string, parts ...string) (path string) {
	t.Helper()
	path = filepath.Join(shared, fmt.Sprintf("script-%d", len(parts)))
	text := "shared=" + shared + "\nset -x\n" + strings.Join(parts, "\n")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
