package accounting

import (
	"strconv"
	"strings"
)

// Protocol numbers (IANA) that accounting treats in a way of its own.
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// protoNames are the names in use for the protocols that conntrack meets.
var protoNames = map[uint8]string{
	protoICMP: "icmp", 2: "igmp", 4: "ipip", protoTCP: "tcp", protoUDP: "udp",
	protoDCCP: "dccp", 41: "ipv6", 47: "gre", 50: "esp", 51: "ah",
	protoICMPv6: "ipv6-icmp", 88: "eigrp", 89: "ospf", 97: "etherip",
	103: "pim", 112: "vrrp", 115: "l2tp", protoSCTP: "sctp", protoUDPLite: "udplite",
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
		return protoICMPv6, true
	}
	for proto, its := range protoNames {
		if its == name {
			return proto, true
		}
	}
	return 0, false
}

// connectionOriented reports whether flows of the protocol are connections,
// which can be counted and timed.
func connectionOriented(proto uint8) bool {
	return proto == protoTCP || proto == protoSCTP || proto == protoDCCP
}

// enum tcp_conntrack of linux/netfilter/nf_conntrack_tcp.h: the states after
// FIN_WAIT, in which a connection is over.
const (
	tcpCloseWait = 5
	tcpLastAck   = 6
	tcpTimeWait  = 7
	tcpClose     = 8
)

// statusDying is IPS_DYING of linux/netfilter/nf_conntrack_common.h: out of
// the table, its DESTROY event sent or about to be.
const statusDying = 1 << 9

// over reports whether the reading shows a connection that is over.
func (f *Flow) over() bool {
	if f.Proto == protoTCP && f.TCPState >= tcpCloseWait && f.TCPState <= tcpClose {
		return true
	}
	return f.dying()
}

// offloaded reports whether packets of the flow go through a flowtable, past
// the rest of netfilter: IPS_OFFLOAD, or in hardware IPS_HW_OFFLOAD.
func (f *Flow) offloaded() bool { return f.Status&(1<<14|1<<15) != 0 }

func (f *Flow) dying() bool { return f.Status&statusDying != 0 }
