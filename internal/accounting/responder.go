package accounting

// responder is who a flow goes to in the configured view: the address and port that
// the opener sent to, or the real server's behind DNAT.
type responder struct {
	addr Addr
	port uint16 // or what Tuple has in its place
}

// original returns the responder as the opener sees it.
func (k *key) original() responder { return responder{addr: k.Dst, port: k.DstPort} }

// setResponder sets the responder of the flow. The ports of the reply tuple are ports:
// what it has in their place for other protocols is the opener's, too.
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
