package notation

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// protoNames are the usual names of the protocols that conntrack tracks.
var protoNames = map[uint8]string{
	1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 17: "udp",
	33: "dccp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah",
	58: "ipv6-icmp", 88: "eigrp", 89: "ospf", 97: "etherip",
	103: "pim", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite",
}

// ProtoName returns the name of an IP protocol, or its number where it has
// none.
func ProtoName(proto uint8) string {
	if name, ok := protoNames[proto]; ok {
		return name
	}
	return strconv.Itoa(int(proto))
}

// protoNumber is the reverse of ProtoName. It takes the number of any protocol.
func protoNumber(name string) (proto uint8, known bool) {
	if n, err := strconv.ParseUint(name, 10, 8); err == nil {
		return uint8(n), true
	}
	name = strings.ToLower(name)
	if name == "icmpv6" { // as iptables and nft call it
		return unix.IPPROTO_ICMPV6, true
	}
	for proto, its := range protoNames {
		if its == name {
			return proto, true
		}
	}
	return 0, false
}
