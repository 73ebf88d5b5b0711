package reportfile_test

import (
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// now is the time of rows of which the time does not matter.
const now = "1500000000000000000"

// latest is a time that is still none of the far future.
func latest() int64 { return time.Now().Add(reportfile.Ahead - time.Minute).UnixNano() }

func extreme() reportfile.Row {
	return reportfile.Row{
		Time: latest(), Proto: "ipv6-icmp", Src: "2001:db8:1::", Dst: "2001:db8:2::", Port: -1,
		SrcPackets: 1 << 44, DstPackets: 1 << 44, SrcBytes: 1 << 53, DstBytes: 1 << 53,
		ConnectionCount: math.MaxInt32, ConnectionTimes: 1 << 53,
		OpenConnections: math.MaxInt32, HasOpen: true,
	}
}

// readAll returns the rows of text, and of each bad line its error's text.
func readAll(t *testing.T, text string) (rows []reportfile.Row, bad []string) {
	t.Helper()
	in := reportfile.NewReader(strings.NewReader(text))
	for {
		var row reportfile.Row
		err := in.Read(&row)
		var line *reportfile.BadLine
		switch {
		case errors.As(err, &line):
			bad = append(bad, line.Error())
			continue
		case errors.Is(err, io.EOF):
			return rows, bad
		}
		require.NoError(t, err)
		rows = append(rows, row)
	}
}

func TestColumns(t *testing.T) {
	const eleven = "1500000000000000000,tcp,10.32.1.0,10.33.0.0,443,1,2,3,4,5,6"
	want := reportfile.Row{
		Time: 1500000000000000000, Proto: "tcp", Src: "10.32.1.0", Dst: "10.33.0.0", Port: 443,
		SrcPackets: 1, DstPackets: 2, SrcBytes: 3, DstBytes: 4, ConnectionCount: 5, ConnectionTimes: 6,
	}
	rows, bad := readAll(t, eleven+"\n"+eleven+",7\r\n\n# a comment\n"+eleven+"\n")
	require.Empty(t, bad)
	twelve := want
	twelve.OpenConnections, twelve.HasOpen = 7, true
	require.Equal(t, []reportfile.Row{want, twelve, want}, rows)
	require.Equal(t, eleven+"\n", string(reportfile.Append(nil, &want)))
	require.Equal(t, eleven+",7\n", string(reportfile.Append(nil, &twelve)))
}

func TestExtremesComeBackUnchanged(t *testing.T) {
	want := extreme()
	require.NoError(t, want.Check())
	rows, bad := readAll(t, string(reportfile.Append(nil, &want)))
	require.Empty(t, bad)
	require.Equal(t, []reportfile.Row{want}, rows)
}

func TestBadLinesDoNotEndTheFile(t *testing.T) {
	const good = now + ",tcp,10.0.0.1,b::,443,1,2,3,4,5,6"
	for name, test := range map[string]struct{ line, want string }{
		"too few":     {now + ",tcp,10.0.0.1,b::,443,1,2,3,4,5", "has 10 columns, not 11, 12 or 14"},
		"too many":    {good + ",7,8", "has 13 columns, not 11, 12 or 14"},
		"header":      {"time,proto,src,dst,port,a,b,c,d,e,f", "is a header line of other columns: the order of columns is time_ns,proto,src,dst,port,src_packets,dst_packets,src_bytes,dst_bytes,connection_count,connection_times"},
		"semicolons":  {strings.ReplaceAll(good, ",", ";"), "has semicolons between its columns, not commas"},
		"tabs":        {strings.ReplaceAll(good, ",", "\t"), "has tabs between its columns, not commas"},
		"no proto":    {now + ",,10.0.0.1,b::,443,1,2,3,4,5,6", "proto is empty"},
		"quoted":      {now + `,tcp,"a",b,443,1,2,3,4,5,6`, "src is neither an address nor a prefix"},
		"NUL":         {now + ",tcp,10.0.0.1,b::\x00,443,1,2,3,4,5,6", "dst is neither an address nor a prefix"},
		"not UTF-8":   {now + ",tcp\xff,10.0.0.1,b::,443,1,2,3,4,5,6", "proto is neither the name of a protocol nor its number, 0 to 255"},
		"long text":   {now + ",tcp," + strings.Repeat("a", 256) + ",b::,443,1,2,3,4,5,6", "src is neither an address nor a prefix"},
		"bytes":       {now + ",tcp,10.0.0.1,b::,443,1,2,9007199254740993,4,5,6", "src_bytes is more than 2^53, which no gateway forwards in an interval"},
		"packets":     {now + ",tcp,10.0.0.1,b::,443,1,17592186044417,3,4,5,6", "dst_packets is more than 2^44, which no gateway forwards in an interval"},
		"times":       {good[:len(good)-1] + "9007199254740993", "connection_times is more than 2^53 ms, which no connections of an interval add up to"},
		"count":       {now + ",tcp,10.0.0.1,b::,443,1,2,3,4,2147483648,6", "connection_count does not fit 32 bits with a sign, which the kernel counts connections with"},
		"order":       {now + ",10.0.0.1,b::,tcp,443,1,2,3,4,5,6", "proto is neither the name of a protocol nor its number, 0 to 255, but an address: the order of columns is time_ns,proto,src,dst,port,src_packets,dst_packets,src_bytes,dst_bytes,connection_count,connection_times"},
		"late proto":  {now + ",6,10.0.0.1,tcp,443,1,2,3,4,5,6", "dst is neither an address nor a prefix"},
		"long line":   {strings.Repeat("a", 5000), "is longer than 4096 bytes"},
		"huge line":   {strings.Repeat("a", 200_000), "is longer than 4096 bytes"},
		"port":        {now + ",tcp,10.0.0.1,b::,65536,1,2,3,4,5,6", "port is not -1 to 65535"},
		"low port":    {now + ",tcp,10.0.0.1,b::,-2,1,2,3,4,5,6", "port is not -1 to 65535"},
		"negative":    {now + ",tcp,10.0.0.1,b::,443,1,2,-3,4,5,6", "src_bytes is negative"},
		"beyond":      {now + ",tcp,10.0.0.1,b::,443,1,2,3,9223372036854775808,5,6", "dst_bytes does not fit 64 bits"},
		"float":       {now + ",tcp,10.0.0.1,b::,443,1,2,3,4,5,6.0", "connection_times is not a whole number"},
		"plus":        {now + ",tcp,10.0.0.1,b::,443,+1,2,3,4,5,6", "src_packets is not a whole number"},
		"empty":       {now + ",tcp,10.0.0.1,b::,443,,2,3,4,5,6", "src_packets is not a whole number"},
		"three names": {good + ",7,a,b,c", "has 15 columns, not 11, 12 or 14"},
		"one name":    {good + `,7,"a,b"`, "has 13 columns, not 11, 12 or 14"},
		"no end":      {good + `,7,"a,b`, "src_name is not quoted as CSV quotes"},
		"late quote":  {good + `,7,a,b "c"`, "dst_name is not quoted as CSV quotes"},
		"after quote": {good + `,7,"a"b,c`, "src_name is not quoted as CSV quotes"},
		"bad gauge":   {good + ",x,a,b", "open_connections is not a whole number"},
		"white space": {now + ",tcp,10.0.0.1,b::,443, 1,2,3,4,5,6", "src_packets is not a whole number"},
	} {
		t.Run(name, func(t *testing.T) {
			rows, bad := readAll(t, good+"\n"+test.line+"\n"+good+"\n")
			require.Len(t, rows, 2)
			require.Equal(t, []string{"line 2: " + test.want}, bad)
		})
	}
}

// src and dst are what Postgres casts to inet, protocols what tools call them.
func TestTexts(t *testing.T) {
	row := extreme()
	for _, end := range []string{
		"10.0.0.1", "0.0.0.0", "0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/8", "::", "::/0", "2001:DB8::1", "::ffff:10.0.0.1", "2001:db8::/32", "fe80::1",
	} {
		row.Src, row.Dst = end, end
		require.NoError(t, row.Check(), end)
	}
	for _, end := range []string{
		"", "tcp", "10", "10.1", "010.0.0.1", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/255.0.0.0", "10.0.0.0/08", " 10.0.0.1", "10.0.0.1:80",
		"fe80::1%eth0", "fe80::%eth0/64", "[::1]", "::/129", "1::2::3", "gw.example.org", "10.0.0.1\n", "10.0.0.1\x00",
	} {
		row.Src, row.Dst = "10.0.0.1", end
		require.ErrorContains(t, row.Check(), "dst is ", "%q", end)
		row.Src, row.Dst = row.Dst, row.Src
		require.ErrorContains(t, row.Check(), "src is ", "%q", end)
	}
	row = extreme()
	for _, proto := range []string{"tcp", "ipv6-icmp", "UDP", "0", "1", "255", "l2tp", "tp++", "ip_99", "x"} {
		row.Proto = proto
		require.NoError(t, row.Check(), proto)
	}
	for _, proto := range []string{
		"", "256", "-1", "+1", "017", "6.0", "10.0.0.1", "::1", "tcp ", "t c p", "3pc", "tcp,udp", "a\x1b", "é", "\xff", strings.Repeat("a", 33),
	} {
		row.Proto = proto
		require.ErrorContains(t, row.Check(), "proto is ", "%q", proto)
	}
}

func TestALineWithoutAnEndIsNoRow(t *testing.T) {
	rows, bad := readAll(t, now+",tcp,10.0.0.1,b::,443,1,2,3,4,5,6\n"+now+",tcp,10.0.0.1,b::,80,1,2,3,4,5,6")
	require.Len(t, rows, 1)
	require.Equal(t, []string{"line 2: has no line end: the file may have been cut short"}, bad)
}

type brokenDisk struct{ text io.Reader }

func (b *brokenDisk) Read(p []byte) (int, error) {
	n, err := b.text.Read(p)
	if errors.Is(err, io.EOF) {
		err = errors.New("input/output error")
	}
	return n, err
}

func TestAReadErrorIsNoBadLine(t *testing.T) {
	in := reportfile.NewReader(&brokenDisk{strings.NewReader(now + ",tcp,10.0.0.1,b::,443,1,2,3,4,5,6\n" + now + ",tcp,10.0.0.1,b::,80,1,2,3,4,5,6")})
	var row reportfile.Row
	require.NoError(t, in.Read(&row))
	require.EqualError(t, in.Read(&row), "input/output error")
	require.EqualError(t, in.Read(&row), "input/output error")
}

func TestMicros(t *testing.T) {
	for ns, want := range map[int64]int64{
		0: 0, 499: 0, 500: 1, 1499: 1, 1500: 2, -1: 0, -500: 0, -501: -1, -1000: -1, -1501: -2,
		1500000000123456789: 1500000000123457,
		math.MaxInt64:       9223372036854776, math.MinInt64: -9223372036854776,
	} {
		require.Equal(t, want, reportfile.Micros(ns), "%d ns", ns)
	}
}

func TestNames(t *testing.T) {
	at := time.Unix(0, 1700000000123456789)
	for host, name := range map[string]string{
		"":             "1700000000123456789-42-000007_.csv",
		"gw-1.example": "1700000000123456789-42-000007_gw-1.example.csv",
		"a/b_c%\"é":    "1700000000123456789-42-000007_a%2Fb%5Fc%25%22%C3%A9.csv",
	} {
		require.NoError(t, reportfile.CheckHost(host))
		require.Equal(t, name, reportfile.FileName(at, 42, 7, host))
		got := reportfile.ParseName(name)
		require.Equal(t, host, got.Host)
		require.True(t, at.Equal(got.Arrived))
	}
	require.Less(t, reportfile.FileName(at, 42, 9, "z"), reportfile.FileName(at, 42, 10, "a"))
	require.Less(t, reportfile.FileName(at, 42, 9, "z"), reportfile.FileName(at.Add(1), 42, 1, "a"))
	for _, foreign := range []string{
		"", ".csv", "2020-01-01.csv", "conntrack_gw1.csv", "1-2-3_x.csv", "1700000000123456789-42-x_h.csv",
		"1700000000123456789-42-000007_h", "1700000000123456789-42-000007_%zz.csv",
		"1700000000123456789-42-000007_%00.csv", "9999999999999999999-42-000007_h.csv",
	} {
		require.Zero(t, reportfile.ParseName(foreign), foreign)
	}
	require.Error(t, reportfile.CheckHost("a\nb"))
	require.Error(t, reportfile.CheckHost("\xff"))
	require.Error(t, reportfile.CheckHost(strings.Repeat("é", 50)))
}

// FuzzReader holds the reader to what it promises for any input: it ends, each
// line is a row, a bad line or passed over, and a row it accepts is valid and
// comes back unchanged when it is written and read again.
func FuzzReader(f *testing.F) {
	row := extreme()
	f.Add(reportfile.Append(nil, &row))
	row.SrcName, row.DstName = `"R&D", 2nd floor`, "Café"
	f.Add(reportfile.Append(nil, &row))
	f.Add([]byte(now + ",tcp,10.0.0.1,b::,443,1,2,3,4,5,6,,x,\n" + now + ",tcp,10.0.0.1,b::,443,1,2,3,4,5,6,7,\"\",\"a\"\"\xff,\x1b[2J\"\n"))
	f.Add([]byte(now + ",tcp,10.0.0.1,b::,443,1,2,3,4,5,6\n#\n\n1,tcp\n" + now + ",udp,10.0.0.1,b::,-1,1,2,3,4,5,6"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := reportfile.NewReader(strings.NewReader(string(data)))
		last := 0
		for {
			var got reportfile.Row
			err := in.Read(&got)
			var bad *reportfile.BadLine
			switch {
			case errors.As(err, &bad):
				require.Greater(t, bad.Number, last)
				last = bad.Number
				continue
			case errors.Is(err, io.EOF):
				require.LessOrEqual(t, last, strings.Count(string(data), "\n")+1)
				return
			}
			require.NoError(t, err)
			require.NoError(t, got.Check())
			var again reportfile.Row
			require.NoError(t, reportfile.NewReader(strings.NewReader(string(reportfile.Append(nil, &got)))).Read(&again))
			require.Equal(t, got, again)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	row := extreme()
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		buf = reportfile.Append(buf[:0], &row)
	}
}

func BenchmarkRead(b *testing.B) {
	const line = "1500000000000000000,tcp,10.32.1.0,10.33.0.0,443,1000,2000,300000,400000,5,60000,7"
	for name, names := range map[string]string{"plain": "", "names": ",Library,Data centre", "quoted": `,"Campus, IPv6","Data ""centre"""`} {
		b.Run(name, func(b *testing.B) {
			text := strings.Repeat(line+names+"\n", 10_000)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var row reportfile.Row
			for b.Loop() {
				in := reportfile.NewReader(strings.NewReader(text))
				for range 10_000 {
					require.NoError(b, in.Read(&row))
				}
			}
		})
	}
}

func TestTimesThatAreNone(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		at   int64
		want string
	}{
		"seconds":       {now.Unix(), "time is in seconds, it seems, not in nanoseconds"},
		"milliseconds":  {now.UnixMilli(), "time is in milliseconds, it seems, not in nanoseconds"},
		"microseconds":  {now.UnixMicro(), "time is in microseconds, it seems, not in nanoseconds"},
		"1970":          {86400 * int64(time.Second), "time is before 2000: a clock was off"},
		"just too old":  {reportfile.Earliest - 1, "time is before 2000: a clock was off"},
		"before 1970":   {math.MinInt64, "time is before 2000: a clock was off"},
		"in three days": {now.AddDate(0, 0, 3).UnixNano(), "time is more than two days ahead: the clock of the gateway is off, or the one here"},
		"2262":          {math.MaxInt64, "time is more than two days ahead: the clock of the gateway is off, or the one here"},
		"2000":          {reportfile.Earliest, ""},
		"today":         {now.UnixNano(), ""},
		"tomorrow":      {now.AddDate(0, 0, 1).UnixNano(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			row := extreme()
			row.Time = test.at
			rows, bad := readAll(t, string(reportfile.Append(nil, &row)))
			if test.want == "" {
				require.NoError(t, row.Check())
				require.Equal(t, []reportfile.Row{row}, rows)
				return
			}
			require.EqualError(t, row.Check(), test.want)
			require.Equal(t, []string{"line 1: " + test.want}, bad)
		})
	}
}
