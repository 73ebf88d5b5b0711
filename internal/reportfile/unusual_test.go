package reportfile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

const usual = now + ",tcp,10.0.0.1,b::,443,1,2,30,400,5,6"

func TestUnusualLines(t *testing.T) {
	quoted := `"` + strings.ReplaceAll(usual, ",", `","`) + `"`
	for name, test := range map[string]struct{ line, want string }{
		"quoted":                    {quoted, usual},
		"some quoted":               {strings.Replace(usual, "tcp", `"tcp"`, 1), usual},
		"quoted gauge":              {quoted + `,"7"`, usual + ",7"},
		"all quoted":                {quoted + `,"7","a, ""b""",c`, usual + `,7,"a, ""b""",c`},
		"comma at the end":          {usual + ",", usual},
		"quoted, empty":             {quoted + `,""`, usual},
		"comma, gauge":              {usual + ",7,", usual + ",7"},
		"two commas":                {usual + ",,", usual},
		"comma behind names":        {usual + ",7,a,b,", usual + ",7,a,b"},
		"comma behind no name":      {usual + ",,a,,", usual + ",,a,"},
		"header":                    {"time_ns,proto,src,dst,port,src_packets,dst_packets,src_bytes,dst_bytes,connection_count,connection_times\n" + usual, usual},
		"header, old":               {"Time, Proto, Src, Dst, Port, src_packets, dst_packets, src_bytes, dst_bytes, connection_count, connection_times, open_connections\r\n" + usual, usual},
		"header, quoted, and names": {`"time","proto","src","dst","port","src_packets","dst_packets","src_bytes","dst_bytes","connection_count","connection_times","open_connections","src_name","dst_name"` + "\n" + usual, usual},
	} {
		t.Run(name, func(t *testing.T) {
			rows, bad := readAll(t, test.line+"\n")
			require.Empty(t, bad)
			want, bad := readAll(t, test.want+"\n")
			require.Empty(t, bad)
			require.Len(t, want, 1)
			require.Equal(t, want, rows)
		})
	}
	for _, line := range []string{usual + ",7,8", `"` + usual + `"`, strings.Replace(usual, "443", `"4,43"`, 1), strings.Replace(usual, "443", `"443`, 1), usual + ",7,a,b,c,"} {
		rows, bad := readAll(t, line+"\n")
		require.Empty(t, rows, line)
		require.Len(t, bad, 1, line)
	}
}

// Rows behind a header line that names other columns are none of ours, though they may
// look like it.
func TestColumnsOfAnotherOrder(t *testing.T) {
	const header = "time_ns,proto,src,dst,port,src_bytes,dst_bytes,src_packets,dst_packets,connection_count,connection_times"
	rows, bad := readAll(t, header+"\n"+usual+"\n"+usual+"\n")
	require.Empty(t, rows)
	require.Len(t, bad, 3)
	require.Contains(t, bad[0], "line 1: is a header line of other columns: the order of columns is time_ns,proto,src,dst,port,src_packets,")
	require.Contains(t, bad[1], "line 2: comes behind a header line of other columns")
	rows, bad = readAll(t, usual+"\n"+header+"\n"+usual+"\n")
	require.Len(t, rows, 2, "not the first line, so no header of all")
	require.Len(t, bad, 1)

	in := reportfile.NewReader(strings.NewReader(usual + "\n" + strings.Replace(usual, "1,2,30,400", "30,400,1,2", 1) + "\n" + strings.Replace(usual, "1,2,30", "0,21,1", 1) + "\n"))
	for range 3 {
		require.NoError(t, in.Read(&reportfile.Row{}))
	}
	require.Equal(t, reportfile.Thin{Rows: 2, Line: 2}, in.Thin())
	in.Reset(strings.NewReader(""))
	require.Zero(t, in.Thin())
}
