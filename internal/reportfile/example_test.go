package reportfile_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// A file is read row by row. A line that is no row says why, and the next one is read.
func ExampleReader() {
	file := strings.NewReader(`1700000000000000000,tcp,10.32.1.0,192.0.2.0,443,12,10,1500,9000,1,250
1700000000000000000,tcp,10.32.2.0,192.0.2.0,443,1,1,many,60,0,0
1700000000000000000,udp,10.32.1.0,198.51.100.0,53,2,2,140,300,0,0,3,Team A,"DNS, outside"
`)
	in := reportfile.NewReader(file)
	for {
		var row reportfile.Row
		err := in.Read(&row)
		var bad *reportfile.BadLine
		switch {
		case errors.Is(err, io.EOF):
			return
		case errors.As(err, &bad):
			fmt.Println("rejected", bad)
		case err != nil:
			fmt.Println("the file cannot be read:", err)
			return
		default:
			fmt.Println(row.Src, row.SrcName, row.Proto, row.Port, row.SrcBytes, row.DstBytes)
		}
	}
	// Output:
	// 10.32.1.0  tcp 443 1500 9000
	// rejected line 2: src_bytes is not a whole number
	// 10.32.1.0 Team A udp 53 140 300
}

func ExampleAppend() {
	row := reportfile.Row{
		Time: 1_700_000_000_000_000_000, Proto: "tcp", Src: "10.32.1.0", Dst: "192.0.2.0", Port: 443,
		SrcPackets: 12, DstPackets: 10, SrcBytes: 1500, DstBytes: 9000, ConnectionCount: 1, ConnectionTimes: 250,
	}
	fmt.Printf("%s", reportfile.Append(nil, &row))
	// Output:
	// 1700000000000000000,tcp,10.32.1.0,192.0.2.0,443,12,10,1500,9000,1,250
}
