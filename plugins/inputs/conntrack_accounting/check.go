package conntrack_accounting

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// Check finds out what keeps traffic from being counted, or soon will. It takes the place
// of Init and Start, and changes nothing. by is the user that will work with the files.
func (p *Plugin) Check(ctx context.Context, by check.User) []check.Finding {
	p.checking = true
	if err := p.Init(); err != nil {
		return []check.Finding{check.Failf("configuration", "%v", err).Do("correct it")}
	}
	return append(
		[]check.Finding{check.Okf("configuration", "every option is valid")},
		check.All(
			ctx,
			check.Part{Name: "kernel", Find: func(context.Context) []check.Finding { return p.checkKernel() }},
			check.Part{Name: "files", Find: func(context.Context) []check.Finding { return p.checkFiles(by) }},
		)...)
}

// Metrics returns, after Check, how many metrics a gather of the current table would
// have, the most that a gather can have, and how many names they have.
func (p *Plugin) Metrics() (now, most, names int) {
	now = p.series
	for i := range p.sums {
		now += p.sums[i].Len()
	}
	names = 1 + len(p.sums)
	return now, p.MaxSeries * names, names
}

func (p *Plugin) checkKernel() (found []check.Finding) {
	p.health = health{started: time.Now()}
	var err error
	if p.namespace, err = ctnetlink.OpenNamespace(p.NetworkNamespace); err != nil {
		return []check.Finding{check.Failf("network namespace", "%v", err).Do("create it, or correct network_namespace").Run("ip netns list")}
	}
	defer p.close()
	if p.NetworkNamespace != "" {
		found = append(found, check.Okf("network namespace", "%s can be entered", p.NetworkNamespace))
	}
	if !ctnetlink.HasNetAdmin() {
		return append(found, check.Failf("capability", "reading the connection tracking table needs CAP_NET_ADMIN").Do("run this as root, and grant it to Telegraf alone (AmbientCapabilities=CAP_NET_ADMIN in a drop-in for telegraf.service, see deploy/)"))
	}
	found = append(found, p.find(settings())...)
	found = append(found, p.checkBoot()...)
	found = append(found, p.checkWindow())
	if err := p.readOnce(); err != nil {
		return append(found, check.Failf("reading", "%v", p.explainNoConntrack(err)).Do("grant the capability in the user namespace of the network namespace, or load the module").Run("modprobe nf_conntrack_netlink"))
	}
	found = append(found, check.Okf("reading", "the table was read in %v: %d flows, %d series", p.health.dumpTime.Round(time.Millisecond), p.stats().Flows, p.series))
	return append(found, p.find(surroundings())...)
}

// find finds out facts.
func (p *Plugin) find(facts []fact) (found []check.Finding) {
	for _, c := range facts {
		f := c.find(p)
		f.Name = c.name
		found = append(found, f.Finding)
	}
	return found
}

// readOnce reads the table as the first gather of a one-shot dump does, without
// listening to events.
func (p *Plugin) readOnce() error {
	cfg := p.cfg
	cfg.AccountExisting = true
	if err := p.openTable(cfg); err != nil {
		return err
	}
	start := time.Now()
	p.tracker.BeginBaseline(start)
	p.tracker.BeginDump(start)
	_, err := p.tableDumper().Dump(p.observe)
	p.health.dumpTime = time.Since(start)
	if err != nil {
		return err
	}
	p.tracker.EndDump(true, true)
	p.tracker.Take(&p.interval)
	p.interval.Each(func(s *accounting.Series) {
		p.series++
		p.addSums(s)
	})
	return nil
}

// checkWindow finds out whether conntrack counts segments outside of the TCP window.
// Either may be meant.
func (p *Plugin) checkWindow() check.Finding {
	if liberal, err := p.namespace.Sysctl("nf_conntrack_tcp_be_liberal"); err == nil && liberal == 0 {
		return check.Okf("window", "TCP segments outside of the window pass uncounted (nf_conntrack_tcp_be_liberal=0), which is the default: see \"Traffic that conntrack does not count\" in docs/operations.md")
	}
	return check.Okf("window", "TCP segments outside of the window are counted, too (nf_conntrack_tcp_be_liberal=1)")
}

// checkFiles finds out whether a user can read and write the files of options. Init has
// read the lists, so their lines are valid.
func (p *Plugin) checkFiles(by check.User) (found []check.Finding) {
	for _, list := range []struct{ option, path string }{{"networks_file", p.NetworksFile}, {"ports_file", p.PortsFile}} {
		if list.path != "" {
			found = append(found, by.File(list.option, list.path))
		}
	}
	if p.StateFile != "" {
		found = append(found, p.checkState(by))
	}
	if p.ReportDirectory != "" {
		found = append(found, by.Folder("report_directory", p.ReportDirectory))
	}
	return found
}

func (p *Plugin) checkState(by check.User) check.Finding {
	info, err := os.Lstat(p.StateFile)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return check.Failf("state_file", "%s is not a regular file", p.StateFile).Do("remove it, or name another")
	case err == nil:
		if found := by.OwnFile("state_file", p.StateFile); found.Level != check.OK {
			return found
		}
	case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, os.ErrPermission):
		return check.Failf("state_file", "%v", err)
	}
	return by.Folder("state_file", filepath.Dir(p.StateFile))
}
