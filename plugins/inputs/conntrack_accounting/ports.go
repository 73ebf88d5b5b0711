package conntrack_accounting

import (
	"fmt"
	"os"

	"telegraf-conntrack-accounting/internal/accounting"
)

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
	if p.portsFile.path == "" {
		p.portsFile = listFile{option: "ports_file", path: p.PortsFile, holds: "ports"}
	}
	err := p.portsFile.read(func(file *os.File) error { return set.Read(file) })
	return set, err
}

// reloadPorts reads the ports file again and puts its ports into force.
func (p *Plugin) reloadPorts() error {
	set, err := p.readPorts()
	if err != nil {
		return err
	}
	p.mu.Lock()
	p.tracker.SetPorts(set)
	p.mu.Unlock()
	p.Log.Infof("ports_file: %s changed: %d ports are accounted by port now", p.PortsFile, len(set))
	return nil
}
