package accounting

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// OtherPorts is the port of all flows whose port is not among the
// interesting ones.
const OtherPorts = -1

// Ports is a set of interesting destination ports. A nil set holds none.
type Ports map[portKey]struct{}

type portKey struct {
	proto uint8
	port  uint16
}

// portProtos are the protocols whose tuples hold ports.
var portProtos = map[string]uint8{
	"tcp": protoTCP, "udp": protoUDP, "sctp": protoSCTP, "dccp": protoDCCP, "udplite": protoUDPLite,
}

func hasPorts(proto uint8) bool {
	switch proto {
	case protoTCP, protoUDP, protoSCTP, protoDCCP, protoUDPLite:
		return true
	}
	return false
}

// Add adds a port written as "proto:port", for example "tcp:443".
func (p Ports) Add(s string) error {
	name, number, ok := strings.Cut(s, ":")
	proto, known := portProtos[strings.ToLower(strings.TrimSpace(name))]
	if !ok || !known {
		return fmt.Errorf("port %q: want proto:port with proto one of tcp, udp, sctp, dccp, udplite", s)
	}
	port, err := strconv.ParseUint(strings.TrimSpace(number), 10, 16)
	if err != nil {
		return fmt.Errorf("port %q: want a number from 0 to 65535 after the colon", s)
	}
	p[portKey{proto, uint16(port)}] = struct{}{}
	return nil
}

// Read adds the ports of a ports file: one proto:port a line, # starts a
// comment. An error names the line; the set then holds the lines before it.
func (p Ports) Read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if err := p.Add(text); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return lines.Err()
}

// of returns the port that a flow is accounted under.
func (p Ports) of(proto uint8, port uint16) int32 {
	if _, ok := p[portKey{proto, port}]; ok {
		return int32(port)
	}
	return OtherPorts
}
