# What systemd makes of the units that the package brings.
trouble() {
    systemctl status --no-pager telegraf psql-sink conntrack-accounting || true
    journalctl --no-pager -n 100
}
show() { systemctl show -P "$2" "$1"; } # UNIT PROPERTY
shows() { show "$1" "$2" | grep -q -e "$3"; }

dpkg -i /packages/newer/*_amd64.deb
configure_telegraf
mkdir -p /etc/telegraf/telegraf.d
systemctl start telegraf
until_true 'reports of Telegraf' more_than 0
is active "$(systemctl is-active telegraf)" Telegraf
is 0 "$(show telegraf NRestarts)" 'restarts of Telegraf'
is 0000000000001000 "$(sed -n 's/^CapEff:\s*//p' "/proc/$(pgrep -f '^telegraf-conntrack')/status")" "the input's capabilities"
is 0000000000000000 "$(sed -n 's/^CapEff:\s*//p' "/proc/$(pgrep -x psql-sink)/status")" "the sink's capabilities"
systemctl stop telegraf
is success "$(show telegraf Result)" "Telegraf's end"

# Both services of the package.
sed -i 's|^  dsn = .*|  dsn = "host=/run/postgresql user=postgres dbname=vpn"|' /etc/telegraf/vpn_traffic.conf
sed -i 's|^  # report_directory = .*|  report_directory = "/var/lib/psql-sink/new"|
    s|^  # state_file = ""|  state_file = "/var/lib/conntrack-accounting/state"|' /etc/telegraf/conntrack_accounting.conf
systemctl start conntrack-accounting
stored='; storing into vpn at /run/postgresql as postgres$'
until_true 'the sink with Postgres' shows psql-sink StatusText "^no report waits$stored"
is active "$(systemctl is-active psql-sink)" 'the sink, which accounting wants'
is 2min "$(show psql-sink WatchdogUSec)" "the sink's watchdog"

# A sink that does not run is started again.
mkdir /etc/systemd/system/psql-sink.service.d
printf '[Service]\nWatchdogSec=10s\nRestartSec=100ms\n' >/etc/systemd/system/psql-sink.service.d/short.conf
systemctl daemon-reload
systemctl restart psql-sink
kill -STOP "$(show psql-sink MainPID)"
until_true 'another sink' shows psql-sink NRestarts '[1-9]'
journalctl -u psql-sink | grep 'Watchdog timeout'
until_true 'the sink with Postgres again' shows psql-sink StatusText "$stored"

until_true 'a gather without Telegraf' test -e /var/lib/conntrack-accounting/state
is 0 "$(show conntrack-accounting NRestarts)" 'restarts of accounting'

dpkg -r telegraf-conntrack-accounting
for unit in psql-sink conntrack-accounting; do
    is inactive "$(systemctl is-active $unit || true)" "$unit after the removal"
done
