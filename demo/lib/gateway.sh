# shellcheck shell=bash
# The demo gateway: a router between two teams and their servers, each in a
# network namespace of its own.
#
#   team1   10.32.1.0/24    2001:db8:1::/64   ──┐
#   team2   10.32.2.0/24    2001:db8:2::/64   ──┼── gw
#   servers 10.32.100.0/24  2001:db8:100::/64 ──┘

namespaces=()
prefix=demo$$

# What enters the gateway: nothing where that is this machine.
enter=()

# inside COMMAND...: runs it in the gateway.
inside() { "${enter[@]}" "$@"; }

add_namespace() {
    ip netns add "$prefix-$1"
    namespaces+=("$prefix-$1")
    ip -n "$prefix-$1" link set lo up
}

# add_network NAME NUMBER HOST...: a namespace for the hosts of a network.
add_network() {
    local name=$1 number=$2 ns=$prefix-$1 host
    shift 2
    add_namespace "$name"
    ip -n "$ns" link add eth0 type veth peer name "$name" netns "$prefix-gw"
    # nodad: usable at once, without looking for duplicates first.
    ip -n "$prefix-gw" address add "10.32.$number.1/24" dev "$name"
    ip -n "$prefix-gw" address add "2001:db8:$number::1/64" dev "$name" nodad
    ip -n "$prefix-gw" link set "$name" up
    for host; do
        ip -n "$ns" address add "10.32.$number.$host/24" dev eth0
        ip -n "$ns" address add "2001:db8:$number::$host/64" dev eth0 nodad
    done
    ip -n "$ns" link set eth0 up
    ip -n "$ns" route add default via "10.32.$number.1"
    ip -n "$ns" -6 route add default via "2001:db8:$number::1"
}

make_gateway() {
    say "making a gateway of network namespaces: $prefix-gw, team1, team2, servers"
    add_namespace gw
    enter=(ip netns exec "$prefix-gw")
    inside sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    add_network team1 1 10 11 12
    add_network team2 2 20 21
    add_network servers 100 10 20
    # The kernel tracks connections only where a rule asks for their state. In
    # an inet table it does so for both families. Loopback is InfluxDB's.
    inside nft -f - <<'NFT'
table inet demo {
    chain untracked_in { type filter hook prerouting priority raw; iif lo notrack; }
    chain untracked_out { type filter hook output priority raw; oif lo notrack; }
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        ct state new accept
    }
}
NFT
}

remove_gateway() {
    local ns
    for ns in "${namespaces[@]}"; do
        ip netns delete "$ns"
    done
    namespaces=()
}
