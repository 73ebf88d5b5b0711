package ctnetlink

import (
	"golang.org/x/net/bpf"

	"telegraf-conntrack-accounting/internal/accounting"
)

// closeFilter returns a socket filter that passes only updates of TCP
// connections that begin to close: TIME_WAIT always comes after one that does.
// The kernel runs it on the whole message, struct nlmsghdr included.
//
// Two extensions of classic BPF find attributes. They take an offset in A and
// an attribute type in X and leave the attribute's offset in A, 0 if there is
// none: SKF_AD_NLATTR looks from the offset on, SKF_AD_NLATTR_NEST inside the
// attribute that is there.
func closeFilter() ([]bpf.RawInstruction, error) {
	return bpf.Assemble([]bpf.Instruction{
		bpf.LoadConstant{Dst: bpf.RegA, Val: nlmsgHeaderLen + nfgenmsgLen},
		bpf.LoadConstant{Dst: bpf.RegX, Val: ctaProtoinfo},
		bpf.LoadExtension{Num: bpf.ExtNetlinkAttr},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 11},
		bpf.LoadConstant{Dst: bpf.RegX, Val: ctaProtoinfoTCP},
		bpf.LoadExtension{Num: bpf.ExtNetlinkAttrNested},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 8},
		bpf.LoadConstant{Dst: bpf.RegX, Val: ctaProtoinfoTCPState},
		bpf.LoadExtension{Num: bpf.ExtNetlinkAttrNested},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 5},
		bpf.TAX{},
		bpf.LoadIndirect{Off: nlattrLen, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: accounting.TCPTimeWait, SkipTrue: 2},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: accounting.TCPCloseWait, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: accounting.TCPClose, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 1 << 16}, // all of the message
	})
}
