package notation

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/accounting"
)

func TestNetworks(t *testing.T) {
	n, err := Networks(strings.NewReader(strings.Join([]string{
		"# what spreadsheets write", "10.0.0.0/8, Corp ,,", "", "  # a comment",
		`"10.32.0.0/11","Paris, HQ",site=par,"owner=A=B"`, "10.32.1.7,Printer # 3\r", "2001:db8::/32,Six,kind=lab", "::/0,World",
	}, "\n")))
	require.NoError(t, err)
	require.Equal(t, 5, n.Len())
	require.Zero(t, (*accounting.Networks)(nil).Len())
	for address, want := range map[string]accounting.Network{
		"10.1.2.3":      {Name: "Corp"},
		"10.32.1.1":     {Name: "Paris, HQ", Keys: []accounting.Tag{{Key: "site", Value: "par"}, {Key: "owner", Value: "A=B"}}},
		"10.32.1.7":     {Name: "Printer # 3"},
		"2001:db8:1::1": {Name: "Six", Keys: []accounting.Tag{{Key: "kind", Value: "lab"}}},
		"2001:db9::1":   {Name: "World"},
	} {
		got := n.Find(netip.MustParseAddr(address))
		require.Equal(t, want.Name, got.Name)
		require.Equal(t, want.Keys, got.Keys)
	}
	require.Nil(t, n.Find(netip.MustParseAddr("11.0.0.1")), "::/0 holds no IPv4 address")
	require.Nil(t, (*accounting.Networks)(nil).Find(netip.MustParseAddr("10.0.0.1")))
}

// Each wrong line is an error that names it.
func TestWrongNetworks(t *testing.T) {
	for _, c := range []struct{ line, says string }{
		{"10.0.0.0/33,x", `"10.0.0.0/33" is neither an address nor a network`},
		{"prefix,name", `"prefix" is neither`},
		{"::ffff:10.0.0.0/104,x", `neither`},
		{"::ffff:10.0.0.1,x", `neither`},
		{"fe80::1%eth0,x", `neither`},
		{"10.1.2.3/255.0.0.0,x", `did you mean "10.0.0.0/8"?`},
		{"10.0.0.0 / 255.255.255.255,x", `did you mean "10.0.0.0/32"?`},
		{"10.0.0.0/0.0.0.0,x", `did you mean "0.0.0.0/0"?`},
		{"10.0.0.0/255.0.255.0,x", `its mask is not a prefix length`},
		{strings.Repeat("1", 70_000) + ",x", `neither`},
		{"10.0.0.1/8,x", `did you mean "10.0.0.0/8"?`},
		{"10.0.0.0/8", "network 10.0.0.0/8 has no name"},
		{"10.0.0.0/8, ,a=b", "has no name"},
		{"10.1.0.0/16,twice", "network 10.1.0.0/16 is listed twice"},
		{"10.0.0.0/8,a\tb", "control character"},
		{"10.0.0.0/8,a\u009b2J", "control character"},
		{"10.0.0.0/8,Team,owner=a\u202eb", "control character"},
		{`10.0.0.0/8,a\`, "backslash"},
		{"10.0.0.0/8,a\xff", "not valid UTF-8"},
		{"10.0.0.0/8," + strings.Repeat("x", 256), "longer than 255 bytes"},
		{"10.0.0.0/8,x,site", `"site": want key=value`},
		{"10.0.0.0/8,x,site=", `"site=": want key=value`},
		{"10.0.0.0/8,x,my site=a", `key "my site"`},
		{"10.0.0.0/8,x,1=a", `key "1"`},
		{"10.0.0.0/8,x,name=a", `key "name" is reserved`},
		{"10.0.0.0/8,x,bytes=a", `key "bytes" is reserved`},
		{"10.0.0.0/8,x,a=1,a=2", `key "a" is listed twice`},
		{`10.0.0.0/8,x,a=\`, "a \"\\\\\" holds"},
		{`10.0.0.0/8,"x`, `"`},
		{`10.0.0.0/8,x"y`, `"`},
	} {
		_, err := Networks(strings.NewReader("# first\n10.1.0.0/16,ok\n" + c.line + "\n10.2.0.0/16,ok\n"))
		require.ErrorContains(t, err, "line 3: ", "%q", c.line)
		require.ErrorContains(t, err, c.says)
	}
	failed := errors.New("disk on fire")
	_, err := Networks(iotest.ErrReader(failed))
	require.ErrorIs(t, err, failed)
}

// Whatever a list of networks holds, it is refused or all of it can be written
// as tags: a metric with a tag that cannot be written would be lost.
func FuzzNetworks(f *testing.F) {
	f.Add("# networks\n10.0.0.0/8,Corp,site=a\n\"2001:db8::/32\",\"Paris, HQ\"\n")
	f.Add("10.1.2.3 , x = y ,a=b=c,,\r\n::/0,\"a\"\"b\",_1=\xff")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Networks(strings.NewReader(text))
		if err != nil {
			return
		}
		for network := range n.All() {
			require.Equal(t, network.Prefix.Masked(), network.Prefix)
			for _, tag := range append([]accounting.Tag{{Key: "name", Value: network.Name}}, network.Keys...) {
				require.NotEmpty(t, tag.Value)
				requireWritable(t, "src_"+tag.Key, tag.Value)
			}
		}
	})
}

// requireWritable requires that a tag comes back from line protocol as it was.
func requireWritable(t *testing.T, key, value string) {
	t.Helper()
	var line lineprotocol.Encoder
	line.StartLine("m")
	line.AddTag(key, value)
	line.AddField("f", lineprotocol.IntValue(1))
	line.EndLine(time.Unix(1, 0))
	require.NoError(t, line.Err())
	back := lineprotocol.NewDecoderWithBytes(line.Bytes())
	require.True(t, back.Next())
	_, err := back.Measurement()
	require.NoError(t, err)
	k, v, err := back.NextTag()
	require.NoError(t, err)
	require.Equal(t, key, string(k))
	require.Equal(t, value, string(v))
}
