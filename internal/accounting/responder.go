package accounting

// responder is the destination of a flow in the configured view: the address and port
// that the opener sent to, or those of the real server behind DNAT.
type responder struct {
	addr Addr
	port uint16 // or what Tuple has in its place
}

// original returns the responder as the opener sees it.
func (k *key) original() responder { return responder{addr: k.Dst, port: k.DstPort} }

// setResponder sets the responder of the flow. It takes the port of the reply tuple only
// for protocols with ports: for others, that field belongs to the opener, too.
func (t *Tracker) setResponder(to *responder, f *Flow) {
	to.addr, to.port = f.Orig.Dst, f.Orig.DstPort
	if !t.cfg.Translated || f.Reply.Src == (Addr{}) {
		return
	}
	to.addr = f.Reply.Src
	if HasPorts(f.Proto) {
		to.port = f.Reply.SrcPort
	}
}

// responderOf returns the responder of a flow that is remembered.
func (t *Tracker) responderOf(k *key) responder {
	if to, ok := t.dnatTargets[*k]; ok {
		return to
	}
	return k.original()
}
