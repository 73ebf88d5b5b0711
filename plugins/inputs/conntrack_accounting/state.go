package conntrack_accounting

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/filelock"
	"telegraf-conntrack-accounting/internal/statefile"
)

// stopFence bounds how long Stop waits for events that are queued already.
const stopFence = 500 * time.Millisecond

// state is what is known of state_file.
//
// The file is current or it says that it is not: before a gather hands out its
// series, the file is marked as superseded, and it is replaced only when they
// are delivered. Whenever the process is killed, what it leaves behind was
// either current at that moment or is known to be older than what was
// delivered; so no reading is ever accounted twice.
type state struct {
	lock    *filelock.Lock // nil without state_file
	origin  statefile.Origin
	ready   bool      // the baseline is whole: there is something to save
	since   time.Time // when the state that was resumed from was saved; zero for none
	flows   int       // that it held
	after   time.Time // when there is no such state: what had been accounted by then is not accounted again
	written time.Time
	failed  bool // to write, as the operator was told

	took   time.Duration // to write the last one
	size   int64         // of the last one
	errors uint64
}

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
	last.file, last.err = statefile.Open(p.StateFile)
	if errors.Is(last.err, fs.ErrNotExist) {
		return lastRun{}, nil // a first start
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
	case last.file == nil:
		return func() {}
	}
	return p.resumeFrom(last.file, bytes.NewReader(last.body))
}

func (p *Plugin) resumeFrom(file *statefile.File, body io.Reader) (tell func()) {
	consumed, err := p.stamps.read(body)
	why := p.state.origin.Differs(&file.Origin)
	switch {
	case err != nil:
		return p.ignore(time.Now(), err)
	case file.Boot != p.state.origin.Boot: // no flow of that time is left
		return func() { p.Log.Infof("state_file: ignoring %s: %s", p.StateFile, why) }
	case file.Namespace != p.state.origin.Namespace:
		return func() { p.Log.Warnf("state_file: ignoring %s: %s", p.StateFile, why) }
	case !file.Superseded.IsZero():
		p.stamps.use(file.Superseded.Unix() * 1000) // the last gather's, if it is in this second
		p.resumeAfter(file.Superseded)
		return func() {
			p.Log.Warnf("state_file: the last run ended without a state, killed perhaps: what flows that are older than its last gather (%s) sent since is not accounted", file.Superseded.Format(time.RFC3339))
		}
	case why != "":
		return p.ignore(file.Written, errors.New(why))
	}
	if err := p.tracker.Resume(body, file.BodySize-consumed, file.Written); err != nil {
		return p.ignore(file.Written, err)
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

// keepsState reports whether there is a state_file; a single look at the table
// leaves the one of the daemon alone.
func (p *Plugin) keepsState() bool { return p.StateFile != "" && !p.oneShot }

// identify finds out what a state of this run is about.
func (p *Plugin) identify() error {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return fmt.Errorf("identifying this boot: %w", err)
	}
	namespace, err := p.namespace.Identity()
	if err != nil {
		return err
	}
	p.state.origin = statefile.Origin{
		Boot: strings.TrimSpace(string(boot)), Namespace: namespace,
		// A flow that was left out is unknown to the state, as if it were new.
		// So is one that is the other way round now.
		Settings: fmt.Sprintf("%+v, translated %v, picked up by port %v", p.cfg.Filter, p.cfg.Translated, p.cfg.PickedUpByPort),
		Masks:    fmt.Sprintf("source %s, destination %s", &p.cfg.Source.Masks, &p.cfg.Destination.Masks),
	}
	return nil
}

// supersede marks the state as older than what is about to be handed out.
func (p *Plugin) supersede(now time.Time) {
	if !p.keepsState() {
		return
	}
	err := statefile.Supersede(p.StateFile, now)
	if err == nil {
		return
	}
	p.state.errors++
	if removeErr := os.Remove(p.StateFile); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
		p.Log.Errorf("state_file: %v; %v: it is out of date: remove it, or traffic is accounted twice after a crash", err, removeErr)
	}
}

// Delivered is called by the host when what the last gather added has been
// passed on to Telegraf.
func (p *Plugin) Delivered() {
	p.health.delivered(time.Now())
	if p.state.ready && time.Since(p.state.written) >= time.Duration(p.StateInterval) {
		p.save()
	}
}

// save writes the state. Where that fails, the file that is there stays, marked
// as superseded.
func (p *Plugin) save() {
	start := time.Now()
	origin := p.state.origin
	origin.Written = start
	size, err := p.writeState(origin)
	if err != nil {
		p.state.errors++
		if !p.state.failed {
			p.Log.Warnf("state_file: writing it failed, and a restart now would lose what flows sent since the last gather: %v", err)
		}
		p.state.failed = true
		return
	}
	if p.state.failed {
		p.Log.Infof("state_file: %s is written again", p.StateFile)
	}
	p.state.failed = false
	p.state.written, p.state.took, p.state.size = start, time.Since(start), size
}

// writeState takes the state into memory and writes it from there: event readers
// wait for the first, and must not for the second.
func (p *Plugin) writeState(origin statefile.Origin) (size int64, err error) {
	body := bytes.NewBuffer(make([]byte, 0, p.state.size+p.state.size/8))
	if err := p.stamps.write(body); err != nil {
		return 0, err
	}
	p.mu.Lock()
	err = p.tracker.Save(body)
	p.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return statefile.Write(p.StateFile, origin, func(w io.Writer) error {
		_, err := w.Write(body.Bytes())
		return err
	})
}

// saveFirst saves the baseline, unless it went on from a state that still holds:
// a kill before the first gather is delivered must not look like a first start.
func (p *Plugin) saveFirst() {
	p.state.ready = p.keepsState()
	if p.state.ready && p.state.since.IsZero() {
		p.save()
		p.state.written = time.Time{} // the first gather is saved whatever the interval
	}
}

// saveLast saves what was known when the listeners ended.
func (p *Plugin) saveLast() {
	if p.state.ready {
		p.save()
	}
	p.state.ready = false
	if err := p.state.lock.Unlock(); err != nil {
		p.Log.Warnf("state_file: unlocking it: %v", err)
	}
	p.state.lock = nil
}
