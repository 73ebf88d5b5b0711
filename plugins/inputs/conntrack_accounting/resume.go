package conntrack_accounting

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"telegraf-conntrack-accounting/internal/statefile"
)

// lastRun is the state that the last run left, in memory: it is read before the plugin
// joins the event groups, and loaded while events wait.
type lastRun struct {
	file *statefile.File // nil for none
	err  error           // why it cannot be used
}

// readState reads the state of the last run.
func (p *Plugin) readState() (last lastRun, err error) {
	p.state = state{}
	if !p.keepsState() {
		return last, nil
	}
	if err := p.lockState(); err != nil {
		return last, fmt.Errorf("state_file: %w", err)
	}
	if err := statefile.Prepare(p.StateFile); err != nil {
		return last, fmt.Errorf("state_file: %w", err)
	}
	if err := p.identify(); err != nil {
		return last, fmt.Errorf("state_file: %w", err)
	}
	if !p.since.IsZero() {
		return last, nil // the file is our own, of the namespace that we left
	}
	last.file, last.err = statefile.Read(p.StateFile)
	if errors.Is(last.err, fs.ErrNotExist) {
		return lastRun{}, nil // a first start
	}
	if errors.Is(last.err, statefile.ErrForeign) { // it would be overwritten
		return last, fmt.Errorf("state_file: %s: %w: name another file", p.StateFile, last.err)
	}
	if last.err == nil {
		p.warnOfOtherMasks(&last.file.Origin)
	}
	return last, nil
}

// warnOfOtherMasks warns that stored rows may mean other groups by the same addresses.
func (p *Plugin) warnOfOtherMasks(last *statefile.Origin) {
	if now := p.state.origin.Masks; last.Masks != now {
		p.Log.Warnf("the masks differ from those of the last run (%s; now: %s): from now on, an address such as 10.77.0.0 may stand for another group than in rows stored before; see \"Other masks\" in docs/database.md", last.Masks, now)
	}
}

// resume makes the tracker continue from the state of the last run. The caller holds
// p.mu, so the function that it returns does the logging, later.
func (p *Plugin) resume(last *lastRun) (log func()) {
	switch {
	case last.err != nil: // what it describes has been accounted
		return p.ignore(time.Now(), last.err)
	case last.file == nil && !p.since.IsZero():
		p.resumeAfter(p.since)
		return func() {}
	case last.file == nil:
		return func() {}
	}
	return p.resumeFrom(last.file)
}

func (p *Plugin) resumeFrom(file *statefile.File) (log func()) {
	body, err := p.stamps.read(file.Body)
	if err != nil {
		return p.ignore(time.Now(), err)
	}
	if file.Boot != p.state.origin.Boot { // no flow of that boot is left
		return func() { p.Log.Infof("state_file: ignoring %s: it is from another boot", p.StateFile) }
	}
	accounted := file.Written
	if !file.Superseded.IsZero() {
		p.stamps.use(file.Superseded.Unix() * 1000) // the last gather's, if it is in this second
		if file.Superseded.After(accounted) {       // unless the clock was set back
			accounted = file.Superseded
		}
	}
	why := p.state.origin.Differs(&file.Origin)
	switch {
	case file.Namespace != p.state.origin.Namespace: // but an earlier state may have been of ours
		return p.ignore(accounted, errors.New(why))
	case !file.Superseded.IsZero():
		p.resumeAfter(accounted)
		return func() {
			p.Log.Warnf("state_file: the last run ended without writing its state, perhaps because it was killed: flows older than its last gather (%s) are accounted from now on only", file.Superseded.Format(time.RFC3339))
		}
	case why != "":
		return p.ignore(accounted, errors.New(why))
	}
	if err := p.tracker.Resume(body, file.Written); err != nil {
		return p.ignore(accounted, err)
	}
	p.state.since, p.state.flows = file.Written, p.tracker.Stats().Resumed
	return func() {}
}

// ignore starts without the state, and logs why. Flows that began before the given time
// may be accounted already up to then.
func (p *Plugin) ignore(accounted time.Time, why error) (log func()) {
	p.resumeAfter(accounted)
	return func() {
		p.Log.Warnf("state_file: ignoring %s: %v: flows that began before %s are accounted from now on", p.StateFile, why, accounted.Format(time.RFC3339))
	}
}

func (p *Plugin) resumeAfter(accounted time.Time) {
	p.tracker.ResumeAfter(accounted)
	p.state.after = accounted
}
