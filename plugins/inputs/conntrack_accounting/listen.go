package conntrack_accounting

import (
	"fmt"
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/ctnetlink"
)

// listen joins the event groups and then takes the baseline, so that no flow
// can end unseen between the two. Events wait while the plugin loads the state of the
// last run.
func (p *Plugin) listen() error {
	last, err := p.readState()
	if err != nil {
		return err
	}
	log, err := p.joinGroups(&last)
	if err != nil {
		return err
	}
	log()
	if err := p.readTable(); err != nil {
		return fmt.Errorf("taking the baseline: %w", err)
	}
	return nil
}

// joinGroups opens the event sockets. No event is handled before the baseline has
// begun.
func (p *Plugin) joinGroups(last *lastRun) (log func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	joined := time.Now()
	size := int(p.ReceiveBuffer)
	if p.destroyed, err = ctnetlink.ListenDestroy(p.namespace, size, p.handle((*accounting.Tracker).OnDestroy)); err != nil {
		return nil, fmt.Errorf("listening to DESTROY events: %w", err)
	}
	if p.CloseEvents {
		if p.closed, err = ctnetlink.ListenClose(p.namespace, size, p.handle((*accounting.Tracker).OnClose)); err != nil {
			return nil, fmt.Errorf("listening to the UPDATE events of closing connections: %w", err)
		}
	}
	log = p.resume(last)
	p.tracker.BeginBaseline(joined)
	return log, nil
}

// handle returns an event handler that passes each flow to take.
func (p *Plugin) handle(take func(*accounting.Tracker, *accounting.Flow, time.Time)) func([]accounting.Flow) {
	return func(batch []accounting.Flow) {
		now := time.Now()
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := range batch {
			take(p.tracker, &batch[i], now)
		}
	}
}

// listenersFailed returns the error that ended a listener for good. The program then has
// to end, since it no longer gets the events of ending flows; Telegraf starts it again.
func (p *Plugin) listenersFailed() error {
	for _, listener := range []*ctnetlink.Listener{p.destroyed, p.closed} {
		if listener == nil {
			continue
		}
		if err := listener.Err(); err != nil {
			return fatal{fmt.Errorf("%w; accounting is not exact without these events, so the plugin ends to be started again", err)}
		}
	}
	return nil
}

// fatal is an error after which the plugin cannot go on.
type fatal struct{ error }

func (f fatal) Unwrap() error { return f.error }

// Fatal makes the host end the program.
func (fatal) Fatal() bool { return true }
