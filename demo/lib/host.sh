# shellcheck shell=bash disable=SC2154 # root, gateway: ../run
# What concerns the kernel's settings, and GATEWAY=host: this machine itself as
# the gateway.

sysctls=$root/deploy/sysctl.d/90-conntrack-accounting.conf
saved_sysctls=

use_host() {
    say "accounting this machine's own connections; until the end of the demo this sets"
    sed -n 's/^net/demo:     net/p' "$sysctls"
    say "no traffic shows where no firewall rule uses connection tracking (see: nft list ruleset)"
}

# switch_on_accounting makes the shipped settings in the gateway. Those of a
# namespace end with it, those of this machine are put back.
switch_on_accounting() {
    [ -e /proc/sys/net/netfilter/nf_conntrack_acct ] || modprobe nf_conntrack
    if [ "$gateway" = host ]; then
        saved_sysctls=$(sed -n 's/^\(net[^ ]*\).*/\1/p' "$sysctls" | xargs sysctl)
    fi
    inside sysctl -q -p "$sysctls"
}

restore_sysctls() {
    [ -z "$saved_sysctls" ] || sysctl -q -p - <<<"$saved_sysctls"
}

# free_port FIRST: the first port from there on where nothing listens.
free_port() {
    local port=$1
    while [ -n "$(inside ss -Hltn "sport = :$port")" ]; do
        port=$((port + 1))
    done
    echo "$port"
}
