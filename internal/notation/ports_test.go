package notation

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// someServices knows what /etc/services would say.
func someServices(network, service string) (int, error) {
	switch {
	case service == "https", service == "domain" && network == "udp":
		return map[string]int{"https": 443, "domain": 53}[service], nil
	}
	return 0, errors.New("unknown port")
}

func portsOf(t *testing.T, entries ...string) *accounting.Ports {
	t.Helper()
	p := &accounting.Ports{}
	for _, entry := range entries {
		require.NoError(t, AddPorts(p, entry, someServices), entry)
	}
	return p
}

func TestPorts(t *testing.T) {
	type flow struct {
		proto uint8
		port  uint16
	}
	for entry, c := range map[string]struct {
		in, out []flow
		len     int
	}{
		"tcp:443":            {in: []flow{{unix.IPPROTO_TCP, 443}}, out: []flow{{unix.IPPROTO_TCP, 442}, {unix.IPPROTO_UDP, 443}}, len: 1},
		" TCP : 0 ":          {in: []flow{{unix.IPPROTO_TCP, 0}}, len: 1},
		"17:53":              {in: []flow{{unix.IPPROTO_UDP, 53}}, out: []flow{{unix.IPPROTO_TCP, 53}}, len: 1},
		"sctp:1000-2000":     {in: []flow{{unix.IPPROTO_SCTP, 1000}, {unix.IPPROTO_SCTP, 2000}}, out: []flow{{unix.IPPROTO_SCTP, 999}, {unix.IPPROTO_SCTP, 2001}}, len: 1001},
		"tcp: 63 - 64":       {in: []flow{{unix.IPPROTO_TCP, 63}, {unix.IPPROTO_TCP, 64}}, out: []flow{{unix.IPPROTO_TCP, 62}, {unix.IPPROTO_TCP, 65}}, len: 2},
		"tcp:all":            {in: []flow{{unix.IPPROTO_TCP, 0}, {unix.IPPROTO_TCP, 65535}}, out: []flow{{unix.IPPROTO_UDP, 1}}, len: 65536},
		"All":                {in: []flow{{unix.IPPROTO_TCP, 0}, {unix.IPPROTO_UDP, 1}, {unix.IPPROTO_UDPLITE, 65535}, {unix.IPPROTO_DCCP, 9}}, out: []flow{{unix.IPPROTO_ICMP, 0}, {47, 0}}, len: 5 * 65536},
		"1-32767":            {in: []flow{{unix.IPPROTO_TCP, 1}, {unix.IPPROTO_SCTP, 32767}}, out: []flow{{unix.IPPROTO_TCP, 32768}, {unix.IPPROTO_TCP, 0}}, len: 5 * 32767},
		"22":                 {in: []flow{{unix.IPPROTO_TCP, 22}, {unix.IPPROTO_UDP, 22}}, len: 5},
		"tcp:https":          {in: []flow{{unix.IPPROTO_TCP, 443}}, out: []flow{{unix.IPPROTO_UDP, 443}}, len: 1},
		"https":              {in: []flow{{unix.IPPROTO_TCP, 443}, {unix.IPPROTO_UDP, 443}}, out: []flow{{unix.IPPROTO_SCTP, 443}}, len: 2},
		"domain":             {in: []flow{{unix.IPPROTO_UDP, 53}}, out: []flow{{unix.IPPROTO_TCP, 53}}, len: 1},
		"udplite:0-65535":    {in: []flow{{unix.IPPROTO_UDPLITE, 65535}}, len: 65536},
		"dccp:65535 - 65535": {in: []flow{{unix.IPPROTO_DCCP, 65535}}, out: []flow{{unix.IPPROTO_DCCP, 65534}}, len: 1},
	} {
		p := portsOf(t, entry)
		require.Equal(t, c.len, p.Len(), entry)
		for _, f := range c.in {
			require.EqualValues(t, f.port, p.Of(f.proto, f.port), "%s: %v", entry, f)
		}
		for _, f := range c.out {
			require.EqualValues(t, accounting.OtherPorts, p.Of(f.proto, f.port), "%s: %v", entry, f)
		}
	}
	require.EqualValues(t, accounting.OtherPorts, (*accounting.Ports)(nil).Of(unix.IPPROTO_TCP, 443))
	require.Equal(t, 3, portsOf(t, "tcp:1-3", "tcp:2").Len(), "each counts once")
}

func TestWrongPorts(t *testing.T) {
	for entry, says := range map[string]string{
		"":                                    "want a port from 0 to 65535",
		"tcp:":                                "want a port from 0 to 65535",
		"tcp:99999":                           `port "tcp:99999": want a port from 0 to 65535, a range`,
		"tcp:-1":                              "want a port",
		"tcp:+80":                             "want a port",
		"tcp:1:2":                             "want a port",
		"tcp:2000-1000":                       "did you mean 1000-2000?",
		"tcp:1-99999":                         "want a port",
		"tcp":                                 `no service "tcp"`,
		"tcp:htps":                            `no service "htps"`,
		"sctp:https":                          `no service "https" in /etc/services, which has those of tcp and udp`,
		"tpc:443":                             `unknown protocol "tpc"`,
		":443":                                `unknown protocol ""`,
		"256:443":                             `unknown protocol "256"`,
		"tcp:" + strings.Repeat("9", 100_000): `9999": want a port`,
	} {
		err := AddPorts(&accounting.Ports{}, entry, someServices)
		require.ErrorContains(t, err, says, entry)
		require.NotErrorIs(t, err, ErrNoPorts)
		require.Less(t, len(err.Error()), 300)
	}
}

func TestPortsFile(t *testing.T) {
	read := func(text string) (p *accounting.Ports, warnings []string, err error) {
		p = &accounting.Ports{}
		err = ReadPorts(p, []byte(text), someServices, func(err error) { warnings = append(warnings, err.Error()) })
		return p, warnings, err
	}
	p, warnings, err := read("# web\r\ntcp:443\r\n\r\n udp : 53 # names\r\nTCP:0")
	require.NoError(t, err)
	require.Empty(t, warnings)
	require.Equal(t, 3, p.Len())

	// What an older tool's file may hold, and what can have no port.
	p, warnings, err = read("icmp:0\n17:53\ngre:0\nipv6-icmp:0\nICMPv6:128\n50:0\n")
	require.NoError(t, err)
	require.Equal(t, 1, p.Len())
	require.Equal(t, []string{
		`line 1: port "icmp:0": icmp has no ports: the entry has no effect`,
		`line 3: port "gre:0": gre has no ports: the entry has no effect`,
		`line 4: port "ipv6-icmp:0": ipv6-icmp has no ports: the entry has no effect`,
		`line 5: port "ICMPv6:128": ipv6-icmp has no ports: the entry has no effect`,
		`line 6: port "50:0": esp has no ports: the entry has no effect`,
	}, warnings)

	_, _, err = read("tcp:1\n\ntcp:" + strings.Repeat("1", 70_000) + "\n")
	require.ErrorContains(t, err, "line 3: ")
	require.Less(t, len(err.Error()), 300, "a line is quoted in part")
}

// Whatever a ports file holds, it is refused or holds ports that a flow can have.
func FuzzPorts(f *testing.F) {
	for _, text := range []string{"tcp:443\n17:53 # names", "all\nicmp:0", "1-32767\nhttps", "tcp:2000-1000", "udp: 1 - 2\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p := &accounting.Ports{}
		warned := 0
		if err := ReadPorts(p, text, someServices, func(error) { warned++ }); err != nil {
			require.Less(t, len(err.Error()), 1000)
			return
		}
		found := 0
		for proto := range math.MaxUint8 + 1 {
			if !accounting.HasPorts(uint8(proto)) {
				continue
			}
			for port := range math.MaxUint16 + 1 {
				if p.Of(uint8(proto), uint16(port)) == int32(port) {
					found++
				}
			}
		}
		require.Equal(t, p.Len(), found)
	})
}
