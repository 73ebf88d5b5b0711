# shellcheck shell=bash disable=SC2154 # gateway, duration, state, enter, influx_port: the other parts
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
LIMIT 14"

count_rows() { query 'SELECT count(*) FROM vpn_traffic' -At; }

has_traffic() { [ "$(count_rows)" -gt 0 ]; }

influx_count() {
    local count
    count=$(influx_query 'SELECT count(src_bytes) FROM conntrack_accounting' 2>/dev/null | tail -n 1)
    echo "${count##*,}" | grep . || echo 0 # no answer where there is no metric
}

show_table() {
    # A terminal is cleared for each table, a file gets one after the other.
    [ ! -t 1 ] || printf '\033[H\033[2J'
    printf '\nTop talkers of the last minute at %s, from Postgres:\n\n' "$(date +%T)"
    query "$top_talkers" -P footer=off -P border=2
    # What keeps the kernel from tracking or counting, in the plugin's words.
    has_traffic || grep -F '[inputs.execd]' "$state/log/telegraf.log" || true
    printf 'Postgres has %s rows in vpn_traffic, InfluxDB as many metrics: %s\n' \
        "$(count_rows)" "$(influx_count)"
    printf 'Look around: psql -h %s -U postgres telegraf\n' "$state/socket"
    printf '             %sinflux -port %s -database telegraf\n' "${enter[*]:+${enter[*]} }" "$influx_port"
    printf '             %s/log/telegraf.log\n' "$state"
    [ -n "$duration" ] || printf 'Ctrl-C ends the demo and removes all of it.\n'
}

show_tables() {
    local end=
    say "waiting for the first report"
    if [ "$gateway" = demo ]; then
        wait_for "the first report" has_traffic
    else
        wait_for "the table vpn_traffic" count_rows # there may be no traffic to report
    fi
    [ -z "$duration" ] || end=$((SECONDS + duration))
    while [ -z "$end" ] || [ "$SECONDS" -lt "$end" ]; do
        show_table
        sleep 5
        check_jobs
    done
}
