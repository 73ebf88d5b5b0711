# shellcheck shell=bash disable=SC2154 # duration, state, enter, influx_port: the other parts
# The table of top talkers, read from Postgres again and again.

top_talkers="
SELECT src, dst, proto, port,
       round(sum(src_bytes) / 1e6, 2) AS \"MB out\",
       round(sum(dst_bytes) / 1e6, 2) AS \"MB back\",
       sum(connection_count) AS closed,
       coalesce(round(avg(open_connections), 1), 0) AS open
FROM vpn_traffic
WHERE time > now() - interval '1 minute'
GROUP BY src, dst, proto, port
ORDER BY sum(src_bytes + dst_bytes) DESC
LIMIT 15"

has_traffic() {
    [ "$(query 'SELECT count(*) > 0 FROM vpn_traffic' -At 2>/dev/null)" = t ]
}

influx_count() {
    influx_query 'SELECT count(src_bytes) FROM conntrack_accounting' 2>/dev/null | tail -n 1 | sed 's/.*,//'
}

show_table() {
    # A terminal is cleared for each table, a file gets one after the other.
    [ ! -t 1 ] || printf '\033[H\033[2J'
    printf '\nTop talkers of the last minute at %s, from Postgres:\n\n' "$(date +%T)"
    query "$top_talkers" -P footer=off -P border=2
    printf 'Postgres has %s rows in vpn_traffic, InfluxDB as many metrics: %s.\n' \
        "$(query 'SELECT count(*) FROM vpn_traffic' -At)" "$(influx_count)"
    printf 'Look around: psql -h %s -U postgres telegraf\n' "$state/socket"
    printf '             %sinflux -port %s -database telegraf\n' "${enter[*]:+${enter[*]} }" "$influx_port"
    printf '             %s/log/telegraf.log\n' "$state"
    [ -n "$duration" ] || printf 'Ctrl-C ends the demo and removes all of it.\n'
}

show_tables() {
    local end=
    say "waiting for the first report"
    wait_for "the first report" has_traffic
    [ -z "$duration" ] || end=$((SECONDS + duration))
    while [ -z "$end" ] || [ "$SECONDS" -lt "$end" ]; do
        show_table
        sleep 5
        check_jobs
    done
}
