package conntrack_accounting

import (
	"path/filepath"

	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// Paths returns the files that the plugin reads while it runs, and the folders that it
// writes to, for a program that confines itself to them.
func (p *Plugin) Paths() (read, write []string) {
	for _, path := range []string{p.PortsFile, p.NetworksFile, ctnetlink.NamespacePath(p.NetworkNamespace)} {
		if path != "" {
			read = append(read, path)
		}
	}
	if p.oneShot {
		return read, nil
	}
	if p.StateFile != "" {
		write = append(write, filepath.Dir(p.StateFile))
	}
	if p.ReportDirectory != "" {
		write = append(write, p.ReportDirectory)
	}
	return read, write
}
