package conntrack_accounting

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"telegraf-conntrack-accounting/internal/statefile"
)

// lastRun is what the last run left behind, in memory: it is read before the event
// groups are joined, and taken into use while events wait.
type lastRun struct {
	file *statefile.File // nil for none
	body []byte
	err  error // why it is of no use
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
		return last, nil // it is ours, of the namespace that was left
	}
	last.file, last.err = statefile.Open(p.StateFile)
	if errors.Is(last.err, fs.ErrNotExist) {
		return lastRun{}, nil // a first start
	}
	if errors.Is(last.err, statefile.ErrForeign) { // it would be overwritten
		return last, fmt.Errorf("state_file: %s: %w: name another file", p.StateFile, last.err)
	}
	if last.err == nil {
		last.body, last.err = io.ReadAll(last.file.Body)
		_ = last.file.Close()
		p.tellOtherMasks(&last.file.Origin)
	}
	return last, nil
}

// tellOtherMasks says that what is stored may mean other groups by the same names.
func (p *Plugin) tellOtherMasks(last *statefile.Origin) {
	if now := p.state.origin.Masks; last.Masks != now {
		p.Log.Warnf("the masks are others than in the last run (%s; now: %s): an address such as 10.77.0.0 may be another group in what is stored than from now on; see \"Other masks\" in docs/database.md", last.Masks, now)
	}
}

// resume has the tracker go on from the state of the last run. The caller holds
// p.mu: what it has to tell the operator is left to the function that it returns.
func (p *Plugin) resume(last *lastRun) (tell func()) {
	switch {
	case last.err != nil: // whatever it said was accounted is accounted
		return p.ignore(time.Now(), last.err)
	case last.file == nil && !p.since.IsZero():
		p.resumeAfter(p.since)
		return func() {}
	case last.file == nil:
		return func() {}
	}
	return p.resumeFrom(last.file, bytes.NewReader(last.body))
}

func (p *Plugin) resumeFrom(file *statefile.File, body io.Reader) (tell func()) {
	consumed, err := p.stamps.read(body)
	if err != nil {
		return p.ignore(time.Now(), err)
	}
	if file.Boot != p.state.origin.Boot { // no flow of that time is left
		return func() { p.Log.Infof("state_file: ignoring %s: it is of another boot", p.StateFile) }
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
	case file.Namespace != p.state.origin.Namespace: // but the one of a state before this one may have been ours
		return p.ignore(accounted, errors.New(why))
	case !file.Superseded.IsZero():
		p.resumeAfter(accounted)
		return func() {
			p.Log.Warnf("state_file: the last run ended without a state, killed perhaps: what flows that are older than its last gather (%s) sent since is not accounted", file.Superseded.Format(time.RFC3339))
		}
	case why != "":
		return p.ignore(accounted, errors.New(why))
	}
	if err := p.tracker.Resume(body, file.BodySize-consumed, file.Written); err != nil {
		return p.ignore(accounted, err)
	}
	p.state.since, p.state.flows = file.Written, p.tracker.Stats().Resumed
	return func() {}
}

// ignore makes a start without the state, and says why it is of no use. What flows
// that began before the given time had sent by then may be accounted already.
func (p *Plugin) ignore(accounted time.Time, why error) (tell func()) {
	p.resumeAfter(accounted)
	return func() {
		p.Log.Warnf("state_file: ignoring %s: %v; flows from before %s are accounted from now on", p.StateFile, why, accounted.Format(time.RFC3339))
	}
}

func (p *Plugin) resumeAfter(accounted time.Time) {
	p.tracker.ResumeAfter(accounted)
	p.state.after = accounted
}
