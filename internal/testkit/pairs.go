package testkit

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// Pair names what a ledger counts apart: the addresses of the original
// direction of a flow, its protocol, its destination port where that is among
// the ledger's ports (else 0), and the direction of the packets.
type Pair struct {
	Src, Dst netip.Addr
	Proto    uint8
	Port     uint16
	Reply    bool
}

// PairLedger counts what a router forwards, sends and receives, each packet that
// belongs to a flow once, by pair; Pairs reads it. ports are what it counts
// apart, as "tcp 80". The named counter "total" has the sum.
func (n *Netns) PairLedger(t testing.TB, ports ...string) {
	t.Helper()
	var sets, rules strings.Builder
	for _, direction := range []string{"original", "reply"} {
		for _, family := range []string{"ip", "ip6"} {
			count := func(match, name string) {
				fmt.Fprintf(&sets, "set %s { type %[2]s . %[2]s . inet_proto; size 65535; flags dynamic; counter; }\n",
					name, map[string]string{"ip": "ipv4_addr", "ip6": "ipv6_addr"}[family])
				fmt.Fprintf(&rules, "ct direction %[1]s %[2]s update @%[3]s { ct original %[4]s saddr . ct original %[4]s daddr . meta l4proto counter } accept\n",
					direction, match, name, family)
			}
			version := map[string]string{"ip": "ipv4", "ip6": "ipv6"}[family]
			for _, port := range ports {
				var proto, number string
				if _, err := fmt.Sscan(port, &proto, &number); err != nil {
					t.Fatalf("port %q: %v", port, err)
				}
				count(fmt.Sprintf("meta nfproto %s meta l4proto %s ct original proto-dst %s", version, proto, number),
					fmt.Sprintf("%s_%s_%s_%s", direction, family, proto, number))
			}
			count("meta nfproto "+version, fmt.Sprintf("%s_%s_other_0", direction, family))
		}
	}
	// ICMP errors are related to flows, and counted in none.
	n.Nft(t, fmt.Sprintf(`table inet ledger {
		counter total { }
		%s
		chain count {
			ct state { invalid, related, untracked } accept
			counter name total
			%s
		}
		chain forwarded {
			type filter hook forward priority filter;
			jump count
		}
		chain sent {
			type filter hook output priority filter;
			jump count
		}
		chain received {
			type filter hook input priority filter;
			jump count
		}
	}`, &sets, &rules))
}

// Pairs returns what a PairLedger has counted.
func (n *Netns) Pairs(t testing.TB) map[Pair]Counter {
	t.Helper()
	var list struct {
		Nftables []struct {
			Set struct {
				Name string `json:"name"`
				Elem []struct {
					Elem struct {
						Val struct {
							Concat []any `json:"concat"`
						} `json:"val"`
						Counter Counter `json:"counter"`
					} `json:"elem"`
				} `json:"elem"`
			} `json:"set"`
		} `json:"nftables"`
	}
	if err := json.Unmarshal([]byte(n.Exec(t, "nft", "-j", "-p", "list", "sets")), &list); err != nil {
		t.Fatalf("parsing the sets nft lists: %v", err)
	}
	pairs := make(map[Pair]Counter)
	for _, object := range list.Nftables {
		for _, e := range object.Set.Elem {
			pair, err := parsePair(object.Set.Name, e.Elem.Val.Concat)
			if err != nil {
				t.Fatalf("reading the set %s: %v", object.Set.Name, err)
			}
			pairs[pair] = e.Elem.Counter
		}
	}
	return pairs
}

// parsePair reads the name of a set, direction_family_proto_port, and the key
// of an element: source, destination and protocol number.
func parsePair(set string, key []any) (pair Pair, err error) {
	name := strings.Split(set, "_")
	if len(name) != 4 || len(key) != 3 {
		return Pair{}, fmt.Errorf("not a pair: %q %v", set, key)
	}
	pair.Reply = name[0] == "reply"
	if _, err := fmt.Sscan(name[3], &pair.Port); err != nil {
		return Pair{}, err
	}
	if _, err := fmt.Sscan(fmt.Sprint(key[2]), &pair.Proto); err != nil {
		return Pair{}, err
	}
	if pair.Src, err = netip.ParseAddr(fmt.Sprint(key[0])); err != nil {
		return Pair{}, err
	}
	pair.Dst, err = netip.ParseAddr(fmt.Sprint(key[1]))
	return pair, err
}
