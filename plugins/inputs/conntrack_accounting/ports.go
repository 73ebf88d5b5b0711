package conntrack_accounting

import (
	"errors"
	"fmt"
	"net"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/notation"
)

// portList are the entries of the option ports; nil: the option is not set. An empty
// list selects no port at all.
type portList []string

// defaultPorts are the ports of services. The ports above them are those that the
// kernel gives to clients by default (net.ipv4.ip_local_port_range), and to servers for
// one transfer: a series for each would mean nothing and never come again.
var defaultPorts = portList{"1-32767"}

// UnmarshalTOML takes numbers without quotes, too, and a single entry.
func (l *portList) UnmarshalTOML(value any) error {
	entries, ok := value.([]any)
	if !ok {
		entries = []any{value}
	}
	*l = portList{}
	for _, entry := range entries {
		switch entry := entry.(type) {
		case string, int64:
			*l = append(*l, fmt.Sprint(entry))
		default:
			return fmt.Errorf("want a list such as [\"tcp:443\", \"udp:53\"], not %v", value)
		}
	}
	return nil
}

// readPorts returns the inline ports and those of the file, which takes the place
// of the default.
func (p *Plugin) readPorts() (*accounting.Ports, error) {
	set, entries := &accounting.Ports{}, p.Ports
	if entries == nil && p.PortsFile == "" {
		entries = defaultPorts
	}
	for _, entry := range entries {
		err := notation.AddPorts(set, entry, net.LookupPort)
		if errors.Is(err, notation.ErrNoPorts) {
			p.Log.Warnf("ports: %v", err)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("ports: %w", err)
		}
	}
	if p.PortsFile == "" {
		return set, nil
	}
	return set, p.portsFile.read(func(text []byte) error {
		return notation.ReadPorts(set, text, net.LookupPort, func(err error) { p.Log.Warnf("ports_file: %s: %v", p.PortsFile, err) })
	})
}

// reloadPorts reads the ports file again and uses its ports from now on.
func (p *Plugin) reloadPorts() error {
	set, err := p.readPorts()
	if err != nil {
		return err
	}
	p.ports = set
	p.mu.Lock()
	p.tracker.SetPorts(set)
	p.mu.Unlock()
	p.Log.Infof("ports_file: %s changed: %d ports are accounted one by one now", p.PortsFile, set.Len())
	return nil
}
