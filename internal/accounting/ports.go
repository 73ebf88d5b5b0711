package accounting

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"unicode"
)

// OtherPorts is the port of all flows whose port is not among the
// interesting ones.
const OtherPorts = -1

// Ports is a set of interesting destination ports. A nil set holds none.
type Ports struct {
	sets [256]*portSet // by protocol, nil where it has none
}

// portSet has a bit for each port: it is asked for each reading of a flow.
type portSet [(maxPort + 1) / 64]uint64

const maxPort = 65535

// LookupService returns the port of a service, as net.LookupPort does.
type LookupService func(network, service string) (port int, err error)

// ErrNoPorts says that the protocol of an entry has no ports: the entry is
// understood, but without effect.
var ErrNoPorts = errors.New("has no ports")

func hasPorts(proto uint8) bool {
	switch proto {
	case protoTCP, protoUDP, protoSCTP, protoDCCP, protoUDPLite:
		return true
	}
	return false
}

// Add adds what an entry names, proto:ports, or ports alone for each protocol that
// has any. The protocol is a name or a number; ports are a number, a range
// ("1000-2000"), "all", or a service of TCP or UDP ("https").
func (p *Ports) Add(entry string, services LookupService) error {
	name, ports, one := strings.Cut(entry, ":")
	if !one {
		name, ports = "", entry
	}
	protos, err := portProtos(strings.TrimSpace(name), one)
	if err == nil {
		err = p.add(protos, strings.TrimSpace(ports), services)
	}
	if err != nil {
		return fmt.Errorf("port %.60q: %w", entry, err)
	}
	return nil
}

// portProtos returns the protocol of a name or number, or all that have ports.
func portProtos(name string, one bool) ([]uint8, error) {
	if !one {
		return []uint8{protoTCP, protoUDP, protoSCTP, protoDCCP, protoUDPLite}, nil
	}
	proto, known := protoNumber(name)
	switch {
	case !known:
		return nil, fmt.Errorf("unknown protocol %.20q: want tcp, udp, sctp, dccp, udplite, or a number", name)
	case !hasPorts(proto):
		return nil, fmt.Errorf("%s %w: the entry has no effect", ProtoName(proto), ErrNoPorts)
	}
	return []uint8{proto}, nil
}

func (p *Ports) add(protos []uint8, ports string, services LookupService) error {
	if strings.EqualFold(ports, "all") {
		ports = "0-65535"
	}
	if strings.ContainsFunc(ports, unicode.IsLetter) {
		return p.addService(protos, ports, services)
	}
	first, last, err := portRange(ports)
	if err != nil {
		return err
	}
	for _, proto := range protos {
		p.put(proto, first, last)
	}
	return nil
}

var errPort = errors.New(`want a port from 0 to 65535, a range such as 1000-2000, "all", or a service such as https`)

func portRange(s string) (first, last uint64, err error) {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	first, err = strconv.ParseUint(strings.TrimSpace(from), 10, 16)
	last, err2 := strconv.ParseUint(strings.TrimSpace(to), 10, 16)
	switch {
	case err != nil || err2 != nil:
		return 0, 0, errPort
	case first > last:
		return 0, 0, fmt.Errorf("the range ends before it begins: did you mean %d-%d?", last, first)
	}
	return first, last, nil
}

// addService adds the port that a service has, which TCP and UDP need not share.
func (p *Ports) addService(protos []uint8, service string, services LookupService) error {
	found := false
	for _, proto := range protos {
		if proto != protoTCP && proto != protoUDP {
			continue
		}
		if port, err := services(ProtoName(proto), service); err == nil && port >= 0 && port <= maxPort {
			p.put(proto, uint64(port), uint64(port))
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%w; there is no service %.20q in /etc/services, which has those of tcp and udp", errPort, service)
	}
	return nil
}

func (p *Ports) put(proto uint8, first, last uint64) {
	if p.sets[proto] == nil {
		p.sets[proto] = new(portSet)
	}
	for port := first; port <= last; port++ {
		p.sets[proto][port/64] |= 1 << (port % 64)
	}
}

// Read adds the ports of a ports file: an entry a line, # starts a comment. An
// error names the line; the set then holds the lines before it. What has no effect
// is passed to warn, and over.
func (p *Ports) Read(text []byte, services LookupService, warn func(error)) error {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		entry, _, _ := strings.Cut(string(line), "#")
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		err := p.Add(entry, services)
		switch {
		case errors.Is(err, ErrNoPorts):
			warn(fmt.Errorf("line %d: %w", n, err))
		case err != nil:
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

// Len returns how many ports there are, each protocol's own.
func (p *Ports) Len() (n int) {
	for _, set := range p.sets {
		if set == nil {
			continue
		}
		for _, word := range set {
			n += bits.OnesCount64(word)
		}
	}
	return n
}

// of returns the port that a flow is accounted under.
func (p *Ports) of(proto uint8, port uint16) int32 {
	if p != nil && p.sets[proto].has(port) {
		return int32(port)
	}
	return OtherPorts
}

func (s *portSet) has(port uint16) bool { return s != nil && s[port/64]&(1<<(port%64)) != 0 }
