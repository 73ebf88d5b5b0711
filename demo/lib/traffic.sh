# shellcheck shell=bash disable=SC2154 # state, prefix: the other parts
# Hosts that talk: TCP, UDP and ping, over IPv4 and IPv6.

start_traffic() {
    local traffic=$state/traffic
    say "starting hosts that talk to the servers through the gateway"
    "$root/scripts/go" build -o "$traffic" "$root/demo/traffic"
    start servers TERM ip netns exec "$prefix-servers" "$traffic" serve \
        -on 10.32.100.10,10.32.100.20,2001:db8:100::10,2001:db8:100::20
    start team1 TERM ip netns exec "$prefix-team1" "$traffic" talk \
        -on 10.32.1.10,10.32.1.11,10.32.1.12,2001:db8:1::10,2001:db8:1::11 \
        -to 10.32.100.10,10.32.100.20,2001:db8:100::10
    start team2 TERM ip netns exec "$prefix-team2" "$traffic" talk \
        -on 10.32.2.20,10.32.2.21,2001:db8:2::20 \
        -to 10.32.100.20,2001:db8:100::20
    start ping4 TERM ip netns exec "$prefix-team1" ping -q 10.32.100.10
    start ping6 TERM ip netns exec "$prefix-team2" ping -q 2001:db8:100::20
}
