package conntrack_accounting

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"telegraf-conntrack-accounting/internal/statefile"
)

// lockPatience is how long the start waits for another process that uses the
// state: about as long as Telegraf lets one take over its end.
const lockPatience = 5 * time.Second

// lockState keeps other processes from the state. One that ends at this moment, as in
// a restart, is waited for.
func (p *Plugin) lockState() (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	p.state.lock, err = statefile.Lock(ctx, p.StateFile)
	return err
}

func (p *Plugin) readStateOptions() error {
	if p.ExistingFlows == "account" && p.StateFile == "" && !p.oneShot {
		return errors.New("existing_flows: \"account\" needs state_file: without one, each restart would account once more what flows have sent in their whole life")
	}
	if p.StateFile != "" && !filepath.IsAbs(p.StateFile) {
		return fmt.Errorf("state_file: %q is not an absolute path", p.StateFile)
	}
	if p.StateInterval < 0 {
		return fmt.Errorf("state_interval: %v: want \"0s\" or more", time.Duration(p.StateInterval))
	}
	return nil
}
