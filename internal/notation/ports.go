package notation

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// LookupService returns the port of a service, as net.LookupPort does.
type LookupService func(network, service string) (port int, err error)

// ErrNoPorts means that the protocol of an entry has no ports: the entry is
// understood, but without effect.
var ErrNoPorts = errors.New("has no ports")

// AddPorts adds what an entry names, proto:ports, or ports alone for each protocol that
// has any. The protocol is a name or a number; ports are a number, a range
// ("1000-2000"), "all", or a service of TCP or UDP ("https").
func AddPorts(to *accounting.Ports, entry string, services LookupService) error {
	name, ports, one := strings.Cut(entry, ":")
	if !one {
		name, ports = "", entry
	}
	protos, err := portProtos(strings.TrimSpace(name), one)
	if err == nil {
		err = addPorts(to, protos, strings.TrimSpace(ports), services)
	}
	if err != nil {
		return fmt.Errorf("port %.60q: %w", entry, err)
	}
	return nil
}

// portProtos returns the protocol of a name or number, or all that have ports.
func portProtos(name string, one bool) ([]uint8, error) {
	if !one {
		return []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_SCTP, unix.IPPROTO_DCCP, unix.IPPROTO_UDPLITE}, nil
	}
	proto, known := protoNumber(name)
	switch {
	case !known:
		return nil, fmt.Errorf("unknown protocol %.20q: want tcp, udp, sctp, dccp, udplite, or a number", name)
	case !accounting.HasPorts(proto):
		return nil, fmt.Errorf("%s %w: the entry has no effect", ProtoName(proto), ErrNoPorts)
	}
	return []uint8{proto}, nil
}

func addPorts(to *accounting.Ports, protos []uint8, ports string, services LookupService) error {
	if strings.EqualFold(ports, "all") {
		ports = "0-65535"
	}
	if strings.ContainsFunc(ports, unicode.IsLetter) {
		return addService(to, protos, ports, services)
	}
	first, last, err := portRange(ports)
	if err != nil {
		return err
	}
	for _, proto := range protos {
		to.Add(proto, first, last)
	}
	return nil
}

var errPort = errors.New(`want a port from 0 to 65535, a range such as 1000-2000, "all", or a service such as https`)

func portRange(s string) (first, last uint16, err error) {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	low, err := strconv.ParseUint(strings.TrimSpace(from), 10, 16)
	high, err2 := strconv.ParseUint(strings.TrimSpace(to), 10, 16)
	switch {
	case err != nil || err2 != nil:
		return 0, 0, errPort
	case low > high:
		return 0, 0, fmt.Errorf("the range ends before it begins: did you mean %d-%d?", high, low)
	}
	return uint16(low), uint16(high), nil
}

// addService adds the port that a service has, which TCP and UDP need not share.
func addService(to *accounting.Ports, protos []uint8, service string, services LookupService) error {
	found := false
	for _, proto := range protos {
		if proto != unix.IPPROTO_TCP && proto != unix.IPPROTO_UDP {
			continue
		}
		if port, err := services(ProtoName(proto), service); err == nil && port >= 0 && port <= math.MaxUint16 {
			to.Add(proto, uint16(port), uint16(port))
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%w; there is no service %.20q in /etc/services, which has those of tcp and udp", errPort, service)
	}
	return nil
}

// ReadPorts adds the ports of a ports file: an entry a line, # starts a comment. An
// error names the line; the set then holds the lines before it. What has no effect
// is passed to warn, and over.
func ReadPorts(to *accounting.Ports, text []byte, services LookupService, warn func(error)) error {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		entry, _, _ := strings.Cut(string(line), "#")
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		err := AddPorts(to, entry, services)
		switch {
		case errors.Is(err, ErrNoPorts):
			warn(fmt.Errorf("line %d: %w", n, err))
		case err != nil:
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}
