package accounting

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

// connectionOriented reports whether flows of the protocol are connections,
// which can be counted and timed.
func connectionOriented(proto uint8) bool {
	return proto == protoTCP || proto == protoSCTP || proto == protoDCCP
}

// HasPorts reports whether packets of the protocol have ports, which distinguish series.
func HasPorts(proto uint8) bool {
	switch proto {
	case protoTCP, protoUDP, protoSCTP, protoDCCP, protoUDPLite:
		return true
	}
	return false
}

// Values of Flow.TCPState (enum tcp_conntrack of
// linux/netfilter/nf_conntrack_tcp.h) in which a connection is over: those after
// FIN_WAIT.
const (
	TCPCloseWait = 5
	TCPLastAck   = 6
	TCPTimeWait  = 7
	TCPClose     = 8
)

// Bits of Flow.Status (enum ip_conntrack_status of
// linux/netfilter/nf_conntrack_common.h).
const (
	statusSeenReply = 1 << 1  // IPS_SEEN_REPLY
	statusAssured   = 1 << 2  // IPS_ASSURED: of a connection, the handshake is complete
	statusDying     = 1 << 9  // IPS_DYING: out of the table, its DESTROY event sent or about to be
	statusOffload   = 1 << 14 // IPS_OFFLOAD: its packets go through a flowtable, past the rest of netfilter
	statusHWOffload = 1 << 15 // IPS_HW_OFFLOAD: through one in hardware
)

func (f *Flow) dying() bool { return f.Status&statusDying != 0 }

func (f *Flow) offloaded() bool { return f.Status&(statusOffload|statusHWOffload) != 0 }

// over reports whether the reading shows a connection that is over.
func (f *Flow) over() bool {
	if f.Proto == protoTCP && f.TCPState >= TCPCloseWait && f.TCPState <= TCPClose {
		return true
	}
	return f.dying()
}

// answered reports whether the reading shows that the flow was answered. The
// responder's word is not enough for a connection: it answers any SYN. Once the opener
// has acknowledged the answer, its address is its own.
func (f *Flow) answered() bool {
	if connectionOriented(f.Proto) {
		return f.Status&statusAssured != 0
	}
	return f.ReplyCounters.Packets > 0 || f.Status&statusSeenReply != 0
}
