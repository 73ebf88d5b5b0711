package conntrack_accounting

import (
	"bytes"
	"fmt"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/notation"
)

// readGrouping reads the options that distinguish series.
func (p *Plugin) readGrouping() error {
	for _, endpoint := range []struct {
		option, group, fallback string
		to                      *accounting.Grouping
	}{
		{"source_group", p.SourceGroup, p.SourceGroupFallback, &p.cfg.Source},
		{"destination_group", p.DestinationGroup, p.DestinationGroupFallback, &p.cfg.Destination},
	} {
		if err := p.readGroup(endpoint.option, endpoint.group, endpoint.fallback, endpoint.to); err != nil {
			return err
		}
	}
	var err error
	if p.cfg.GroupBy, err = notation.GroupBy(p.GroupBy); err != nil {
		return fmt.Errorf("group_by: %w", err)
	}
	p.networks, err = p.readNetworks()
	return err
}

func (p *Plugin) readGroup(option, group, fallback string, to *accounting.Grouping) (err error) {
	if to.Network, err = choose(option, group, "mask", "network"); err != nil {
		return err
	}
	if to.Other, err = choose(option+"_fallback", fallback, "mask", "other"); err != nil {
		return err
	}
	switch {
	case to.Network && p.NetworksFile == "":
		return fmt.Errorf("%s: \"network\" needs networks_file, the list of networks", option)
	case to.Other && !to.Network:
		return fmt.Errorf("%[1]s_fallback: \"other\" needs %[1]s = \"network\"", option)
	}
	return nil
}

// readNetworks returns the networks of the file, nil without one.
func (p *Plugin) readNetworks() (networks *accounting.Networks, err error) {
	if p.NetworksFile == "" {
		return nil, nil
	}
	if p.networksFile.path == "" {
		p.networksFile = listFile{option: "networks_file", path: p.NetworksFile, holds: "networks"}
	}
	err = p.networksFile.read(func(text []byte) error {
		networks, err = notation.Networks(bytes.NewReader(text))
		return err
	})
	return networks, err
}

// reloadNetworks reads the networks file again and uses its networks from now on, for
// groups and names.
func (p *Plugin) reloadNetworks() error {
	networks, err := p.readNetworks()
	if err != nil {
		return err
	}
	p.networks = networks
	p.mu.Lock()
	p.tracker.SetNetworks(networks)
	p.mu.Unlock()
	p.Log.Infof("networks_file: %s changed: %d networks now", p.NetworksFile, networks.Len())
	return nil
}
