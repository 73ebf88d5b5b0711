# shellcheck shell=bash disable=SC2154 # demo: ../run
# The folder that holds all the demo writes.

state=

reaches() { # USER FOLDER: whether the user can work in it
    setpriv --reuid="$1" --regid="$1" --clear-groups test -w "$2" -a -x "$2"
}

# make_state takes a folder in the repository, or one in /var/tmp where that
# would not do: Postgres refuses to run as root, so its own user must reach the
# folder, and the path of a Unix socket has at most 107 bytes.
make_state() {
    state=$demo/state/$$
    mkdir -p "$state"
    chown postgres: "$state"
    if [ ${#state} -gt 80 ] || ! reaches postgres "$state"; then
        remove_state
        state=$(mktemp -d /var/tmp/conntrack-demo.XXXXXX)
        say "user postgres cannot use a folder in $demo; using $state"
        chown postgres: "$state"
    fi
    chmod 755 "$state"
    mkdir "$state/log" "$state/etc" "$state/influxdb" "$state/spool"
    install -d -o postgres -m 700 "$state/postgres" "$state/socket"
}

remove_state() {
    [ -n "$state" ] || return 0
    rm -rf "$state"
    rmdir "$demo/state" 2>/dev/null || true
    state=
}
