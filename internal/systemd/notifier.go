// Package systemd tells the service manager how a service fares: sd_notify(3).
package systemd

import (
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/influxdata/telegraf"
)

// statusEvery is how often the status of a service is renewed.
const statusEvery = 10 * time.Second

// Notifier tells systemd how a service fares. Where nobody listens, as in a terminal or
// under Telegraf, it does nothing. It has no goroutine: the loop whose stall systemd is to
// find calls Report whenever Due says so. Its methods are for one goroutine.
type Notifier struct {
	log    telegraf.Logger
	ticker *time.Ticker // nil where nobody listens
	failed bool         // the last message
	stuck  bool         // is logged
}

// New returns a Notifier. Stop ends it.
func New(log telegraf.Logger) *Notifier {
	n := &Notifier{log: log}
	if listening, _ := daemon.SdNotify(false, "STATUS=starting"); !listening {
		return n
	}
	every := statusEvery
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warnf("systemd's watchdog cannot be used: %v", err)
	}
	if watchdog > 0 {
		every = min(every, watchdog/2)
	}
	n.ticker = time.NewTicker(every)
	return n
}

// Due receives a time when Report is due: at half of WatchdogSec= or before.
func (n *Notifier) Due() <-chan time.Time {
	if n.ticker == nil {
		return nil
	}
	return n.ticker.C
}

// Ready says that the service has started. To say it again does no harm.
func (n *Notifier) Ready(status string) { n.send("READY=1", status) }

// Report says how the service fares. One that is stuck is left to the watchdog.
func (n *Notifier) Report(status string, stuck bool) {
	if !stuck {
		n.send("WATCHDOG=1", status)
		n.stuck = false
		return
	}
	n.send("", status)
	if !n.stuck {
		n.stuck = true
		n.log.Errorf("stuck (%s): systemd starts the service again if its unit has WatchdogSec=", status)
	}
}

// Stopping says that the service is about to end.
func (n *Notifier) Stopping() { n.send("STOPPING=1", "ending") }

// Stop ends the Notifier.
func (n *Notifier) Stop() {
	if n.ticker != nil {
		n.ticker.Stop()
	}
}

func (n *Notifier) send(state, status string) {
	if n.ticker == nil {
		return
	}
	_, err := daemon.SdNotify(false, fmt.Sprintf("%s\nSTATUS=%s", state, status))
	if err != nil && !n.failed {
		n.log.Warnf("telling systemd how the service fares: %v; if that goes on, systemd takes it for stuck", err)
	}
	n.failed = err != nil
}
