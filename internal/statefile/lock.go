package statefile

import (
	"context"
	"errors"
	"fmt"

	"telegraf-conntrack-accounting/internal/filelock"
)

// Lock makes this process the only one that uses the state at the path. It waits
// for another one's end for as long as ctx lives. The lock is a file beside the
// state, which is replaced each time that it is written.
func Lock(ctx context.Context, path string) (*filelock.Lock, error) {
	lock, err := filelock.Take(ctx, besides(path, "lock"), 0o600)
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("another process uses %s, and each would destroy what the other knows: end it, or give this one another file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (its folder must exist and be writable by this user)", err)
	}
	return lock, nil
}
