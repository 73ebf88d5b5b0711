package accounting

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// someServices knows what /etc/services would say.
func someServices(network, service string) (int, error) {
	switch {
	case service == "https", service == "domain" && network == "udp":
		return map[string]int{"https": 443, "domain": 53}[service], nil
	}
	return 0, errors.New("unknown port")
}

func portsOf(t *testing.T, entries ...string) *Ports {
	t.Helper()
	p := &Ports{}
	for _, entry := range entries {
		require.NoError(t, p.Add(entry, someServices), entry)
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
		"tcp:443":            {in: []flow{{protoTCP, 443}}, out: []flow{{protoTCP, 442}, {protoUDP, 443}}, len: 1},
		" TCP : 0 ":          {in: []flow{{protoTCP, 0}}, len: 1},
		"17:53":              {in: []flow{{protoUDP, 53}}, out: []flow{{protoTCP, 53}}, len: 1},
		"sctp:1000-2000":     {in: []flow{{protoSCTP, 1000}, {protoSCTP, 2000}}, out: []flow{{protoSCTP, 999}, {protoSCTP, 2001}}, len: 1001},
		"tcp: 63 - 64":       {in: []flow{{protoTCP, 63}, {protoTCP, 64}}, out: []flow{{protoTCP, 62}, {protoTCP, 65}}, len: 2},
		"tcp:all":            {in: []flow{{protoTCP, 0}, {protoTCP, 65535}}, out: []flow{{protoUDP, 1}}, len: 65536},
		"All":                {in: []flow{{protoTCP, 0}, {protoUDP, 1}, {protoUDPLite, 65535}, {protoDCCP, 9}}, out: []flow{{protoICMP, 0}, {47, 0}}, len: 5 * 65536},
		"1-32767":            {in: []flow{{protoTCP, 1}, {protoSCTP, 32767}}, out: []flow{{protoTCP, 32768}, {protoTCP, 0}}, len: 5 * 32767},
		"22":                 {in: []flow{{protoTCP, 22}, {protoUDP, 22}}, len: 5},
		"tcp:https":          {in: []flow{{protoTCP, 443}}, out: []flow{{protoUDP, 443}}, len: 1},
		"https":              {in: []flow{{protoTCP, 443}, {protoUDP, 443}}, out: []flow{{protoSCTP, 443}}, len: 2},
		"domain":             {in: []flow{{protoUDP, 53}}, out: []flow{{protoTCP, 53}}, len: 1},
		"udplite:0-65535":    {in: []flow{{protoUDPLite, 65535}}, len: 65536},
		"dccp:65535 - 65535": {in: []flow{{protoDCCP, 65535}}, out: []flow{{protoDCCP, 65534}}, len: 1},
	} {
		p := portsOf(t, entry)
		require.Equal(t, c.len, p.Len(), entry)
		for _, f := range c.in {
			require.EqualValues(t, f.port, p.of(f.proto, f.port), "%s: %v", entry, f)
		}
		for _, f := range c.out {
			require.EqualValues(t, OtherPorts, p.of(f.proto, f.port), "%s: %v", entry, f)
		}
	}
	require.EqualValues(t, OtherPorts, (*Ports)(nil).of(protoTCP, 443))
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
		err := (&Ports{}).Add(entry, someServices)
		require.ErrorContains(t, err, says, entry)
		require.NotErrorIs(t, err, ErrNoPorts)
		require.Less(t, len(err.Error()), 300)
	}
}

func TestPortsFile(t *testing.T) {
	read := func(text string) (p *Ports, warnings []string, err error) {
		p = &Ports{}
		err = p.Read([]byte(text), someServices, func(err error) { warnings = append(warnings, err.Error()) })
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
		p := &Ports{}
		warned := 0
		if err := p.Read(text, someServices, func(error) { warned++ }); err != nil {
			require.Less(t, len(err.Error()), 1000)
			return
		}
		found := 0
		for proto := range p.sets {
			if p.sets[proto] == nil {
				continue
			}
			require.True(t, hasPorts(uint8(proto)))
			for port := range maxPort + 1 {
				if p.of(uint8(proto), uint16(port)) == int32(port) {
					found++
				}
			}
		}
		require.Equal(t, p.Len(), found)
	})
}
