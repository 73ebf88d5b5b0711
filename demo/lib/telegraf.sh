# shellcheck shell=bash disable=SC2154 # root, state, influx_port, enter: the other parts
# Telegraf with the shipped configuration; only what is private to the demo
# differs.

# set_option FILE OPTION VALUE: sets it where the shipped file has it, commented
# out or not, so that the demo notices when an option is renamed.
set_option() {
    grep -Eq "^[# ]*$2 *=" "$1" || die "no option $2 in $1"
    sed -Ei "0,/^[# ]*$2 *=/s|^[# ]*$2 *=.*|  $2 = $3|" "$1"
}

write_config() {
    local etc=$state/etc
    cp "$root/sample.conf" "$etc/telegraf.conf"
    cp "$root/plugins/inputs/conntrack_accounting/sample.conf" "$etc/conntrack_accounting.conf"
    cp "$root/plugins/outputs/vpn_traffic/sample.conf" "$etc/vpn_traffic.conf"

    grep -q '^  urls = \["http://127.0.0.1:8086"\]$' "$etc/telegraf.conf" || die "no InfluxDB in sample.conf"
    sed -i "s|/etc/telegraf/|$etc/|; s|^  urls = .*|  urls = [\"http://127.0.0.1:$influx_port\"]|" "$etc/telegraf.conf"
    # Short intervals, so that something is to be seen soon.
    set_option "$etc/telegraf.conf" interval '"5s"'
    set_option "$etc/telegraf.conf" flush_interval '"1s"'
    set_option "$etc/telegraf.conf" flush_jitter '"0s"'

    set_option "$etc/conntrack_accounting.conf" include_icmp true
    set_option "$etc/conntrack_accounting.conf" ports '["tcp:22", "tcp:443", "tcp:5432", "udp:53", "udp:4500"]'
    set_option "$etc/conntrack_accounting.conf" track_open_connections true

    set_option "$etc/vpn_traffic.conf" dsn "\"host=$state/socket user=postgres dbname=telegraf\""
    set_option "$etc/vpn_traffic.conf" spool "\"$state/spool\""
}

start_telegraf() {
    write_config
    say "starting Telegraf with sample.conf, a report every 5 seconds"
    start telegraf TERM "${enter[@]}" env PATH="$root/build:$PATH" \
        "$root/build/telegraf" --config "$state/etc/telegraf.conf"
}
