# shellcheck shell=bash disable=SC2154 # state, enter: the other parts
# A private Postgres on a Unix socket and a private InfluxDB on loopback.

influx_port=

postgres_bin() {
    local dirs
    dirs=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V)
    tail -n 1 <<<"$dirs"
}

# The options that a program needs to be run as user postgres.
as_postgres=(--reuid=postgres --regid=postgres --init-groups)

# query SQL: prints what it returns; more options of psql may follow.
query() {
    local sql=$1
    shift
    psql -X -q -P pager=off -h "$state/socket" -U postgres -d telegraf "$@" -c "$sql"
}

start_postgres() {
    local bin
    bin=$(postgres_bin)
    say "starting a Postgres of its own in $state/postgres"
    # trust: only root and user postgres can enter the folder of the socket.
    (cd "$state" && setpriv "${as_postgres[@]}" "$bin/initdb" -D "$state/postgres" --auth=trust --encoding=UTF8 \
        --locale=C.UTF-8 --no-sync) >"$state/log/initdb.log" 2>&1 ||
        die "initdb failed: $(tail -n 3 "$state/log/initdb.log")"
    # INT asks for a fast shutdown. What a crash would lose is thrown away anyway.
    start postgres INT setpriv "${as_postgres[@]}" --pdeathsig INT "$bin/postgres" -D "$state/postgres" -c listen_addresses= \
        -c unix_socket_directories="$state/socket" -c fsync=off
    wait_for Postgres psql -X -h "$state/socket" -U postgres -d postgres -c 'SELECT 1'
    psql -X -q -P pager=off -h "$state/socket" -U postgres -d postgres -c 'CREATE DATABASE telegraf'
}

start_influxdb() {
    local rpc_port
    influx_port=$(free_port 8086)
    rpc_port=$(free_port $((influx_port + 2)))
    say "starting an InfluxDB of its own on 127.0.0.1:$influx_port"
    cat >"$state/etc/influxdb.conf" <<CONF
reporting-disabled = true
bind-address = "127.0.0.1:$rpc_port"
[meta]
  dir = "$state/influxdb/meta"
[data]
  dir = "$state/influxdb/data"
  wal-dir = "$state/influxdb/wal"
[http]
  bind-address = "127.0.0.1:$influx_port"
  log-enabled = false
CONF
    start influxdb TERM "${enter[@]}" influxd -config "$state/etc/influxdb.conf"
    wait_for InfluxDB influx_query 'SHOW DATABASES'
}

influx_query() { inside influx -port "$influx_port" -database telegraf -format csv -execute "$1"; }
