// Package conntrack_accounting is a Telegraf input that turns the Linux
// connection tracking table into traffic accounting: how much each source sent to
// and received from each destination since the last gather, exact to the byte.
//
// Each gather reads the whole table over ctnetlink; DESTROY events bring the
// final counters of flows that ended in between. The plugin changes nothing
// in the kernel except, where set_sysctls allows it, three nf_conntrack sysctls.
package conntrack_accounting

import (
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/plugins/inputs"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

//go:embed sample.conf
var sampleConfig string

// Plugin is the input. Its exported fields are its options; sample.conf
// documents each.
type Plugin struct {
	Source                   []string    `toml:"source"`
	Destination              []string    `toml:"destination"`
	Exclude                  []string    `toml:"exclude"`
	SourceMask               Word        `toml:"source_mask"`
	DestinationMask          Word        `toml:"destination_mask"`
	SourceMaskIPv6           Length      `toml:"source_mask_ipv6"`
	DestinationMaskIPv6      Length      `toml:"destination_mask_ipv6"`
	NetworksFile             string      `toml:"networks_file"`
	SourceGroup              string      `toml:"source_group"`
	DestinationGroup         string      `toml:"destination_group"`
	SourceGroupFallback      string      `toml:"source_group_fallback"`
	DestinationGroupFallback string      `toml:"destination_group_fallback"`
	GroupBy                  []string    `toml:"group_by"`
	Sums                     []string    `toml:"sums"`
	Families                 []string    `toml:"families"`
	IncludeICMP              bool        `toml:"include_icmp"`
	Ports                    portList    `toml:"ports"`
	PortsFile                string      `toml:"ports_file"`
	Zones                    []int       `toml:"zones"`
	Mark                     Word        `toml:"mark"`
	AddressView              string      `toml:"address_view"`
	TrackOpenConnections     bool        `toml:"track_open_connections"`
	ExistingFlows            string      `toml:"existing_flows"`
	PickedUpFlows            string      `toml:"picked_up_flows"`
	MaxSeries                int         `toml:"max_series"`
	Unanswered               string      `toml:"unanswered"`
	CloseEvents              bool        `toml:"close_events"`
	ReceiveBuffer            config.Size `toml:"receive_buffer"`
	NetworkNamespace         string      `toml:"network_namespace"`
	SetSysctls               bool        `toml:"set_sysctls"`
	ReportDirectory          string      `toml:"report_directory"`
	ReportHost               string      `toml:"report_host"`
	Sandbox                  bool        `toml:"sandbox"`

	StateFile       string          `toml:"state_file"`
	StateInterval   config.Duration `toml:"state_interval"`
	InternalMetrics bool            `toml:"internal_metrics"`

	Log telegraf.Logger `toml:"-"`

	cfg                     accounting.Config
	dumped                  ctnetlink.Filter
	ports                   *accounting.Ports    // as Init read them
	networks                *accounting.Networks // likewise; nil without networks_file
	portsFile, networksFile listFile
	oneShot                 bool
	checking                bool // see Check: nothing may be changed
	series                  int  // that Check found
	stamps                  stamps
	health                  health
	reports                 reports
	sums                    []sum
	state                   state
	repeats                 repeats

	namespace *ctnetlink.Namespace
	looked    time.Time         // when a gather last began and found the namespace under its name
	since     time.Time         // flows that began later are accounted in full; zero where the state, or existing_flows, decides
	dumper    *ctnetlink.Dumper // of all flows
	marked    *ctnetlink.Dumper // of those with the option mark; nil without
	destroyed *ctnetlink.Listener
	closed    *ctnetlink.Listener // nil without close_events

	// mu guards tracker, which event readers and gathers share. Do no I/O and log
	// nothing while holding it: the kernel keeps entries for a reader that waits, and
	// they count against nf_conntrack_max.
	mu       sync.Mutex
	tracker  *accounting.Tracker
	interval accounting.Interval // of the last gather
}

func init() {
	inputs.Add("conntrack_accounting", func() telegraf.Input { return New() })
}

// New returns the plugin with its default options.
func New() *Plugin {
	return &Plugin{
		SourceMask:               "255.255.255.255",
		DestinationMask:          "255.255.255.255",
		SourceMaskIPv6:           128,
		DestinationMaskIPv6:      128,
		SourceGroup:              "mask",
		DestinationGroup:         "mask",
		SourceGroupFallback:      "mask",
		DestinationGroupFallback: "mask",
		Families:                 []string{"ipv4", "ipv6"},
		AddressView:              "original",
		ExistingFlows:            "ignore",
		PickedUpFlows:            "as_seen",
		MaxSeries:                200_000,
		Unanswered:               "account",
		CloseEvents:              true,
		ReceiveBuffer:            config.Size(64 << 20),
		SetSysctls:               true,
		InternalMetrics:          true,
		Sandbox:                  true,
	}
}

// SampleConfig returns the plugin's documented configuration.
func (*Plugin) SampleConfig() string { return sampleConfig }

// SetOneShot makes the plugin, before Init, dump the table once only: it then accounts
// existing flows in full.
func (p *Plugin) SetOneShot(on bool) { p.oneShot = on }

// Start opens the kernel's sockets and takes the baseline. It needs
// CAP_NET_ADMIN.
func (p *Plugin) Start(telegraf.Accumulator) error {
	p.since = time.Time{}
	if err := p.start(); err != nil {
		p.Stop()
		return err
	}
	p.reports.logHost()
	return nil
}

func (p *Plugin) start() (err error) {
	p.health = health{started: time.Now(), reported: map[string]string{}}
	p.looked = p.health.started
	if p.namespace, err = ctnetlink.OpenNamespace(p.NetworkNamespace); err != nil {
		return err
	}
	if !ctnetlink.HasNetAdmin() {
		return errNoNetAdmin
	}
	p.watch(settings())
	cfg := p.cfg
	if p.health.eventsOff {
		cfg.MissingTTL = 0
	}
	cfg.MayRepeat = func() bool { return p.repeats.possible(p.destroyed) }
	if err := p.openTable(cfg); err != nil {
		return err
	}
	if err := p.listen(); err != nil {
		return p.explainNoConntrack(err)
	}
	p.saveFirst()
	p.watch(settings()) // reading the table may have loaded the module
	p.watch(surroundings())
	p.logBaseline()
	return nil
}

// Gather accounts what was sent since the last gather and adds one metric a
// series, and one about the plugin itself.
func (p *Plugin) Gather(acc telegraf.Accumulator) error {
	if p.destroyed == nil {
		return errNotRunning
	}
	looked := time.Now()
	p.portsFile.reload(p.Log, p.reloadPorts)
	p.networksFile.reload(p.Log, p.reloadNetworks)
	p.watchSettings()
	err := p.readTable()
	at := p.stamps.next(time.Now())
	if err != nil {
		p.health.gatherErrors++
		err = fmt.Errorf("reading the connection tracking table: %w", err)
	} else {
		p.emit(acc, at)
	}
	p.logChanges()
	p.addInternal(acc, at)
	p.giveBack()
	return errors.Join(err, p.listenersFailed(), p.followNamespace(looked))
}

// Stop closes the sockets, waits for their readers, and saves the state.
func (p *Plugin) Stop() {
	if p.state.ready {
		p.fence(stopFence)
	}
	p.reports.stop()
	p.close()
}

func (p *Plugin) close() {
	var errs []error
	for _, listener := range []*ctnetlink.Listener{p.closed, p.destroyed} {
		if listener != nil {
			errs = append(errs, listener.Close())
		}
	}
	p.saveLast()
	for _, dumper := range []*ctnetlink.Dumper{p.marked, p.dumper} {
		if dumper != nil {
			errs = append(errs, dumper.Close())
		}
	}
	if p.namespace != nil {
		errs = append(errs, p.namespace.Close())
	}
	if err := errors.Join(errs...); err != nil {
		p.Log.Warnf("closing the kernel's sockets failed, which is harmless: %v", err)
	}
	p.closed, p.destroyed, p.dumper, p.marked, p.namespace = nil, nil, nil, nil, nil
}
