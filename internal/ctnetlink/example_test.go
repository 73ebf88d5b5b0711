package ctnetlink

import (
	"encoding/hex"
	"fmt"

	"telegraf-conntrack-accounting/internal/accounting"
)

// Dump the table of a namespace. It needs CAP_NET_ADMIN.
func ExampleDumper_Dump() {
	ns, err := OpenNamespace("") // the one that the process is in
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = ns.Close() }()
	dumper, err := NewDumper(ns, Filter{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = dumper.Close() }()
	stats, err := dumper.Dump(func(batch []accounting.Flow) {
		for i := range batch {
			f := &batch[i]
			fmt.Println(f.Orig.Src.IP(), f.Orig.Dst.IP(), f.OrigCounters.Bytes, f.ReplyCounters.Bytes)
		}
	})
	fmt.Println(stats.Entries, err)
}

// What a message of the kernel becomes.
func Example_decode() {
	message, err := hex.DecodeString("020000003400018014000180080001000a200001080002000a2100011c0002800500010011000000060002000fa00000060003001388000008000c000000002a1c0009800c0001000000000000000001" +
		"0c0002000000000000000080")
	if err != nil {
		fmt.Println(err)
		return
	}
	toHostOrder(message[nfgenmsgLen:]) // as the kernel of this machine writes headers
	var f accounting.Flow
	err = decode(message, &f)
	fmt.Println(f.ID, f.Proto, f.Orig.Src.IP(), f.Orig.SrcPort, f.Orig.Dst.IP(), f.Orig.DstPort, f.OrigCounters, err)
	// Output: 42 17 10.32.0.1 4000 10.33.0.1 5000 {1 128} <nil>
}
