package conntrack_accounting

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/notation"
	"telegraf-conntrack-accounting/internal/oneshot"
)

// missingTTL is how long a flow that vanished may still send its DESTROY
// event: far longer than any event has been seen to wait.
const missingTTL = 15 * time.Minute

// Init checks every option; an error names the option and its value.
func (p *Plugin) Init() error {
	p.oneShot = p.oneShot || oneshot.Telegraf() // compiled into Telegraf, nobody calls SetOneShot
	p.networksFile = listFile{option: "networks_file", path: p.NetworksFile, holds: "networks"}
	p.portsFile = listFile{option: "ports_file", path: p.PortsFile, holds: "ports"}
	for _, read := range []func() error{
		p.readAddresses, p.readMasks, p.readGrouping, p.readFamilies, p.readZones, p.readMark, p.readChoices, p.readLimits,
		p.readSums, p.readReports, p.readStateOptions, p.warnOfFolders,
	} {
		if err := read(); err != nil {
			return err
		}
	}
	p.cfg.Filter.ICMP = p.IncludeICMP
	p.cfg.TrackOpen = p.TrackOpenConnections
	p.cfg.MissingTTL = missingTTL
	var err error
	p.ports, err = p.readPorts()
	return err
}

func (p *Plugin) readAddresses() error {
	f := &p.cfg.Filter
	return cmp.Or(
		set(&f.Source, "source")(prefixes(p.Source)),
		set(&f.Destination, "destination")(prefixes(p.Destination)),
		set(&f.Exclude, "exclude")(prefixes(p.Exclude)),
	)
}

func (p *Plugin) readMasks() error {
	src, dst := &p.cfg.Source, &p.cfg.Destination
	return cmp.Or(
		set(&src.IPv4, "source_mask")(notation.IPv4Mask(string(p.SourceMask))),
		set(&dst.IPv4, "destination_mask")(notation.IPv4Mask(string(p.DestinationMask))),
		set(&src.IPv6, "source_mask_ipv6")(notation.IPv6Mask(int(p.SourceMaskIPv6))),
		set(&dst.IPv6, "destination_mask_ipv6")(notation.IPv6Mask(int(p.DestinationMaskIPv6))),
	)
}

// set returns a function that takes an option's value, or the error in it.
func set[T any](to *T, option string) func(T, error) error {
	return func(value T, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", option, err)
		}
		*to = value
		return nil
	}
}

// prefixes reads a list of CIDR prefixes or single addresses.
func prefixes(list []string) (out []netip.Prefix, err error) {
	for _, s := range list {
		prefix, err := notation.Prefix(s)
		if err != nil {
			return nil, err
		}
		out = append(out, prefix)
	}
	return out, nil
}

func (p *Plugin) readFamilies() error {
	for _, family := range p.Families {
		if family != "ipv4" && family != "ipv6" {
			return fmt.Errorf("families: unknown family %q: want \"ipv4\" or \"ipv6\"", family)
		}
	}
	if len(p.Families) == 0 {
		return errors.New("families: the list is empty: want \"ipv4\", \"ipv6\" or both")
	}
	p.cfg.Filter.NoIPv4 = !slices.Contains(p.Families, "ipv4")
	p.cfg.Filter.NoIPv6 = !slices.Contains(p.Families, "ipv6")
	switch {
	case p.cfg.Filter.NoIPv6:
		p.dumped.Family = syscall.AF_INET
	case p.cfg.Filter.NoIPv4:
		p.dumped.Family = syscall.AF_INET6
	}
	return nil
}

func (p *Plugin) readZones() error {
	for _, zone := range p.Zones {
		if zone < 0 || zone > 65_535 {
			return fmt.Errorf("zones: %d is not a conntrack zone: want 0 to 65535", zone)
		}
		p.cfg.Filter.Zones = append(p.cfg.Filter.Zones, uint16(zone))
	}
	return nil
}

// readMark reads "value/mask", or "value" for all bits, as nft and iptables do.
func (p *Plugin) readMark() error {
	if p.Mark == "" {
		return nil
	}
	value, mask, masked := strings.Cut(string(p.Mark), "/")
	if !masked {
		mask = "0xffffffff"
	}
	v, err := strconv.ParseUint(strings.TrimSpace(value), 0, 32)
	m, err2 := strconv.ParseUint(strings.TrimSpace(mask), 0, 32)
	if err != nil || err2 != nil || m == 0 {
		return fmt.Errorf("mark: %q is not a mark: want value/mask, such as \"0x1/0xff\", with a mask that is not 0", p.Mark)
	}
	if v&^m != 0 {
		return fmt.Errorf("mark: %q can never match: the value has bits outside of the mask", p.Mark)
	}
	p.cfg.Filter.Mark, p.cfg.Filter.MarkMask = uint32(v), uint32(m)
	p.dumped.Mark, p.dumped.MarkMask = uint32(v), uint32(m)
	return nil
}

func (p *Plugin) readChoices() error {
	var view, existing, pickedUp, unanswered int
	err := cmp.Or(
		choose(&view, "address_view", p.AddressView, "original", "translated"),
		choose(&existing, "existing_flows", p.ExistingFlows, "ignore", "account"),
		choose(&pickedUp, "picked_up_flows", p.PickedUpFlows, "as_seen", "by_port"),
		choose(&unanswered, "unanswered", p.Unanswered, "account", "fold", "ignore"),
	)
	p.cfg.Translated, p.cfg.PickedUpByPort = view == 1, pickedUp == 1
	p.cfg.AccountExisting = existing == 1 || p.oneShot
	p.cfg.Unanswered = accounting.Unanswered(unanswered) // whose constants are in this order
	return err
}

// choose finds the value of an option among its possible values.
func choose(index *int, option, value string, choices ...string) error {
	if *index = slices.Index(choices, value); *index >= 0 {
		return nil
	}
	last := len(choices) - 1
	return fmt.Errorf("%s: unknown value %q: want \"%s\" or %q", option, value, strings.Join(choices[:last], `", "`), choices[last])
}

func (p *Plugin) readLimits() error {
	if p.MaxSeries < 1 {
		return fmt.Errorf("max_series: %d: want at least 1", p.MaxSeries)
	}
	if p.ReceiveBuffer < 4096 || p.ReceiveBuffer > 1<<30 {
		return fmt.Errorf("receive_buffer: %d bytes: want \"4KiB\" to \"1GiB\"", p.ReceiveBuffer)
	}
	p.cfg.MaxSeries = p.MaxSeries
	return nil
}

func (p *Plugin) readStateOptions() error {
	if p.ExistingFlows == "account" && p.StateFile == "" && !p.oneShot {
		return errors.New("existing_flows: \"account\" needs state_file: without one, each restart would account once more what flows have sent in their whole life")
	}
	if p.StateFile != "" && !filepath.IsAbs(p.StateFile) {
		return fmt.Errorf("state_file: %q is not an absolute path", p.StateFile)
	}
	if p.StateInterval < 0 {
		return fmt.Errorf("state_interval: %v: want \"0s\" or more", time.Duration(p.StateInterval))
	}
	return nil
}

// warnOfFolders checks the folders that a one-shot dump does not use: operators try out
// a configuration with "telegraf --test".
func (p *Plugin) warnOfFolders() error {
	if !p.oneShot {
		return nil
	}
	if p.StateFile != "" {
		p.warnOfFolder("state_file", filepath.Dir(p.StateFile))
		if info, err := os.Lstat(p.StateFile); err == nil && !info.Mode().IsRegular() {
			p.Log.Warnf("state_file: %s is not a regular file: accounting will not start", p.StateFile)
		}
	}
	if p.ReportDirectory != "" {
		p.warnOfFolder("report_directory", p.ReportDirectory)
	}
	return nil
}

func (p *Plugin) warnOfFolder(option, folder string) {
	switch info, err := os.Stat(folder); {
	case err != nil:
		p.Log.Warnf("%s: %v: accounting will not start without that folder", option, err)
	case !info.IsDir():
		p.Log.Warnf("%s: %s is not a folder: accounting will not start", option, folder)
	}
}
