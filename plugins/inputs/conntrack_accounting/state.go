package conntrack_accounting

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/filelock"
	"telegraf-conntrack-accounting/internal/statefile"
)

// stopFence bounds how long Stop waits for events that are queued already.
const stopFence = 500 * time.Millisecond

// state describes the state_file of this run.
//
// The file is either current or marked as superseded: a gather marks it before it hands
// out its series, and a new one replaces it only after they are delivered. So whenever
// the process is killed, the file that it leaves is current or known to be older than
// what was delivered, and no reading is accounted twice.
type state struct {
	lock    *filelock.Lock // nil without state_file
	origin  statefile.Origin
	ready   bool      // the baseline is complete, so the state can be saved
	since   time.Time // when the state was saved that this run continues; zero for none
	flows   int       // of that state
	after   time.Time // without such a state: flows that began before are accounted from now on
	written time.Time
	failed  bool // the last write, and it was logged

	took   time.Duration // to write the last one
	size   int64         // of the last one
	errors uint64
}

// keepsState reports whether there is a state_file; a one-shot dump does not touch the
// one of the daemon.
func (p *Plugin) keepsState() bool { return p.StateFile != "" && !p.oneShot }

// lockTimeout is how long the start waits for another process that uses the state:
// about as long as Telegraf lets a process take to end.
const lockTimeout = 5 * time.Second

// lockState keeps other processes from the state. It waits for one that is about to
// end, as in a restart.
func (p *Plugin) lockState() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockTimeout)
	defer cancel()
	p.state.lock, err = statefile.Lock(ctx, p.StateFile)
	return err
}

// identify finds out what a state of this run describes.
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
		// A flow that was left out is not in the state, and would look new. So would
		// a flow that is the other way round now.
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
	if err == nil || errors.Is(err, fs.ErrNotExist) { // its folder is gone: writing the next one reports it
		return
	}
	p.state.errors++
	// Do not remove it: a start without a state file goes by existing_flows.
	if emptyErr := os.Truncate(p.StateFile, 0); emptyErr != nil {
		p.Log.Errorf("state_file: %v; %v: the file is out of date: replace it by an empty one, otherwise traffic is accounted twice after a crash", err, emptyErr)
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

// save writes the state. If that fails, the existing file stays, marked as
// superseded.
func (p *Plugin) save() {
	start := time.Now()
	origin := p.state.origin
	origin.Written = start
	size, err := p.writeState(origin)
	if err != nil {
		p.state.errors++
		if !p.state.failed {
			p.Log.Warnf("state_file: writing it failed, so a restart now would lose what flows have sent since the last gather: %v", err)
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

// writeState copies the state into memory and writes it from there. Event readers wait
// for the first and must not wait for the second.
func (p *Plugin) writeState(origin statefile.Origin) (size int64, err error) {
	body := p.stamps.appendTo(make([]byte, 0, p.state.size+p.state.size/8))
	p.mu.Lock()
	body, err = p.tracker.AppendState(body)
	p.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return statefile.Write(p.StateFile, origin, body)
}

// saveFirst saves the baseline, unless it continued a state that still holds: after a
// kill before the first gather is delivered, the next start must not be a first start.
func (p *Plugin) saveFirst() {
	p.state.ready = p.keepsState()
	if p.state.ready && p.state.since.IsZero() {
		p.save()
		p.state.written = time.Time{} // save the first gather without waiting for the interval
	}
}

// saveLast saves the state as it was when the listeners ended.
func (p *Plugin) saveLast() {
	if p.state.ready {
		p.save()
	}
	p.state.ready = false
	if err := p.state.lock.Unlock(); err != nil {
		p.Log.Warnf("state_file: unlocking it failed, which is harmless: %v", err)
	}
	p.state.lock = nil
}
