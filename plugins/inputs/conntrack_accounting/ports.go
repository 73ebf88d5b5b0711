package conntrack_accounting

import (
	"fmt"
	"os"
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
)

// portsFile is what is known of ports_file since it was last read.
type portsFile struct {
	modified time.Time
	size     int64
}

// readPorts returns the inline ports and those of the file.
func (p *Plugin) readPorts() (accounting.Ports, error) {
	set := accounting.Ports{}
	for _, port := range p.Ports {
		if err := set.Add(port); err != nil {
			return nil, fmt.Errorf("ports: %w", err)
		}
	}
	if p.PortsFile == "" {
		return set, nil
	}
	file, err := os.Open(p.PortsFile)
	if err != nil {
		return nil, fmt.Errorf("ports_file: %w", err)
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil {
		p.ports = portsFile{info.ModTime(), info.Size()}
	}
	if err := set.Read(file); err != nil {
		return nil, fmt.Errorf("ports_file: %s: %w", p.PortsFile, err)
	}
	return set, nil
}

// reloadPorts reads the ports file again once it has changed. A bad file
// leaves the ports as they were, and is complained of once a change.
func (p *Plugin) reloadPorts() {
	if p.PortsFile == "" {
		return
	}
	info, err := os.Stat(p.PortsFile)
	if err != nil {
		if p.ports != (portsFile{}) {
			p.Log.Warnf("ports_file: %v: keeping the ports read before", err)
		}
		p.ports = portsFile{}
		return
	}
	if (portsFile{info.ModTime(), info.Size()}) == p.ports {
		return
	}
	p.ports = portsFile{info.ModTime(), info.Size()}
	set, err := p.readPorts()
	if err != nil {
		p.Log.Warnf("%v: keeping the ports read before", err)
		return
	}
	p.mu.Lock()
	p.tracker.SetPorts(set)
	p.mu.Unlock()
	p.Log.Infof("ports_file: %s changed: %d ports are accounted by port now", p.PortsFile, len(set))
}
