package conntrack_accounting

import (
	"bytes"
	"cmp"
	"fmt"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/notation"
)

// readGrouping reads the options that distinguish series.
func (p *Plugin) readGrouping() error {
	err := cmp.Or(
		p.readGroup("source_group", p.SourceGroup, p.SourceGroupFallback, &p.cfg.Source),
		p.readGroup("destination_group", p.DestinationGroup, p.DestinationGroupFallback, &p.cfg.Destination),
		set(&p.cfg.GroupBy, "group_by")(notation.GroupBy(p.GroupBy)),
	)
	if err != nil {
		return err
	}
	p.networks, err = p.readNetworks()
	return err
}

func (p *Plugin) readGroup(option, group, fallback string, to *accounting.Grouping) error {
	var kind, other int
	if err := cmp.Or(
		choose(&kind, option, group, "mask", "network"),
		choose(&other, option+"_fallback", fallback, "mask", "other"),
	); err != nil {
		return err
	}
	to.Network, to.Other = kind == 1, other == 1
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
