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
