package statefile

import (
	"context"
	"errors"
	"fmt"

	"telegraf-conntrack-accounting/internal/filelock"
)

// Lock makes this process the only one that uses the state at the path. It waits for
// another process to end until ctx is done. The lock is a file beside the state, since
// each write replaces the state.
func Lock(ctx context.Context, path string) (*filelock.Lock, error) {
	lock, err := filelock.Take(ctx, besides(path, "lock"), 0o600)
	if errors.Is(err, filelock.ErrHeld) {
		return nil, fmt.Errorf("another process uses %s, and both would overwrite each other's state: end it, or give this one another file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (its folder must exist and be writable by this user)", err)
	}
	return lock, nil
}
