package conntrack_accounting

import (
	"fmt"

	"telegraf-conntrack-accounting/internal/accounting"
)

func (p *Plugin) readUnanswered() error {
	choices := map[string]accounting.Unanswered{
		"account": accounting.AccountUnanswered, "fold": accounting.FoldUnanswered, "ignore": accounting.IgnoreUnanswered,
	}
	choice, known := choices[p.Unanswered]
	if !known {
		return fmt.Errorf("unanswered: unknown value %q: want \"account\", \"fold\" or \"ignore\"", p.Unanswered)
	}
	p.cfg.Unanswered = choice
	return nil
}

// folding is what max_series did to the series of the last gather.
type folding struct {
	total accounting.Folded // since the start, as of that gather
	stage int               // as the operator was told; 0 while nothing folds
	began uint64            // total.Ports before this episode
}

// explainFolding says when max_series begins to fold, when it folds further, and
// when it is over.
func (p *Plugin) explainFolding(now accounting.Folded) {
	f := &p.health.folding
	before := f.total
	f.total = now
	stage, lost := 0, ""
	for i, of := range []struct {
		now, before uint64
		lost        string
	}{
		{now.Ports, before.Ports, "their port"},
		{now.Sources, before.Sources, "their port and source"},
		{now.Destinations, before.Destinations, "their port, source and destination"},
		{now.Protocols, before.Protocols, "all but their address family"},
	} {
		if of.now > of.before {
			stage, lost = i+1, of.lost
		}
	}
	switch {
	case stage == 0 && f.stage > 0:
		f.stage = 0
		p.Log.Infof("max_series: the series of an interval have room again; %d readings were folded meanwhile", now.Ports-f.began)
	case stage > f.stage:
		if f.stage == 0 {
			f.began = before.Ports
		}
		f.stage = stage
		p.Log.Warnf("max_series: %d series are too few for this interval: further ones lose %s, but no byte is lost; if it is a scan or a flood, unanswered = \"fold\" keeps it apart, else raise max_series (docs/floods.md)", p.MaxSeries, lost)
	}
}
