package testkit

import (
	"encoding/json"
	"strings"
	"testing"
)

// Counter is a named nftables counter: packets, and bytes from the layer-3
// header on, as conntrack counts them.
type Counter struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// TrackAll switches conntrack on for IPv4 and IPv6: without a rule that uses
// it, a namespace tracks nothing.
func (n *Netns) TrackAll(t testing.TB) {
	t.Helper()
	n.Nft(t, `table inet track {
		chain pre {
			type filter hook prerouting priority filter;
			ct state new
		}
	}`)
}

// DropRepeatedHandshakes drops SYNs and SYN-ACKs that the namespace sends or
// forwards again, which a busy machine makes hosts do after a second. Conntrack
// ignores them when they come after the answer: they belong to a flow, but its
// counters leave them out, and no ledger of packets can tell. A SYN that comes from
// elsewhere is dropped before conntrack sees it: while it waits for the answer's
// packet, which another processor handles, it passes as one of a new flow.
func (n *Netns) DropRepeatedHandshakes(t testing.TB) {
	t.Helper()
	n.Nft(t, `table inet handshakes {
		set answers {
			typeof tcp sequence . tcp ackseq . tcp dport
			size 262144
			flags dynamic
		}
		set asked {
			typeof tcp sequence . tcp sport . tcp dport
			size 262144
			flags dynamic
		}
		chain arriving {
			type filter hook prerouting priority -300
			iifname lo accept
			tcp flags & (syn | ack) == syn tcp sequence . tcp sport . tcp dport @asked drop
			tcp flags & (syn | ack) == syn add @asked { tcp sequence . tcp sport . tcp dport }
		}
		chain repeated {
			tcp flags & (syn | ack) == syn ct state established drop
			tcp flags & (syn | ack) == syn | ack tcp sequence . tcp ackseq . tcp dport @answers drop
			tcp flags & (syn | ack) == syn | ack add @answers { tcp sequence . tcp ackseq . tcp dport }
		}
		chain forwarded {
			type filter hook forward priority -5
			jump repeated
		}
		chain sent {
			type filter hook output priority -5
			jump repeated
		}
	}`)
}

// Nft loads a ruleset into the namespace, adding it to what is there.
func (n *Netns) Nft(t testing.TB, ruleset string) {
	t.Helper()
	Need(t, "nft")
	cmd := n.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(ruleset)
	run(t, cmd)
}

// Counters reads all named counters of the namespace, by name.
func (n *Netns) Counters(t testing.TB) map[string]Counter {
	t.Helper()
	var list struct {
		Nftables []struct {
			Counter *struct {
				Name string `json:"name"`
				Counter
			} `json:"counter"`
		} `json:"nftables"`
	}
	if err := json.Unmarshal([]byte(n.Exec(t, "nft", "-j", "list", "counters")), &list); err != nil {
		t.Fatalf("parsing the counters nft lists: %v", err)
	}
	counters := make(map[string]Counter)
	for _, object := range list.Nftables {
		if c := object.Counter; c != nil {
			counters[c.Name] = c.Counter
		}
	}
	return counters
}
