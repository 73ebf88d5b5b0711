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
	after   time.Time // when there is no such state: flows that began by then are accounted from now on
	written time.Time
	failed  bool // to write, as the operator was told

	took   time.Duration // to write the last one
	size   int64         // of the last one
	errors uint64
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
	if err == nil || errors.Is(err, fs.ErrNotExist) { // its folder is gone: who writes the next one says so
		return
	}
	p.state.errors++
	// Not removed: a start that finds no state accounts existing flows as the option says.
	if emptyErr := os.Truncate(p.StateFile, 0); emptyErr != nil {
		p.Log.Errorf("state_file: %v; %v: it is out of date: put an empty file in its place, or traffic is accounted twice after a crash", err, emptyErr)
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
