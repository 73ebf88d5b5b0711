# For scripts that run inside of a machine with the package. Each says in trouble what
# may explain why it has failed.
trap '[ $? = 0 ] || trouble >&2' EXIT
export DEBIAN_FRONTEND=noninteractive
is() { # WANT GOT WHAT
    [ "$1" = "$2" ] || { echo "$3: want $1, got $2" >&2; exit 1; }
}
until_true() { # WHAT COMMAND ...: waits for a minute or two
    what=$1 tries=0
    shift
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 240 ] || { echo "it never came: $what" >&2; exit 1; }
        sleep 0.5
    done
}
configure_telegraf() { # as the sample has it, without InfluxDB, and quicker
    sed '/^\[\[outputs.influxdb\]\]/,/^  database/d; s/"15s"/"1s"/; s/flush_interval = .*/flush_interval = "1s"/; s/flush_jitter = .*/flush_jitter = "0s"/' \
        /usr/share/telegraf-conntrack-accounting/sample.conf >/etc/telegraf/telegraf.conf
}
reports() { cat /var/lib/psql-sink/new/* 2>/dev/null | grep -c '10\.32\.1\.1' || true; }
more_than() { [ "$(reports)" -gt "$1" ]; }
