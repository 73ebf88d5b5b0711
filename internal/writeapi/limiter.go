package writeapi

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	requests  = 32              // that are read and stored at once
	ofClient  = 8               // of them, of one client
	slotsWait = 5 * time.Second // for others to be done
)

var (
	errBusy   = errors.New("too many requests at once")
	errGreedy = errors.New("too many requests of this client at once")
)

// limiter bounds how many requests are in hand, and so how much memory they need. No
// client can take all of it.
type limiter struct {
	slots chan struct{}
	each  *tally
}

func newLimiter() *limiter {
	return &limiter{make(chan struct{}, requests), newTally(ofClient)}
}

// take waits for a slot, which release gives back.
func (l *limiter) take(ctx context.Context, key string) (release func(), err error) {
	if !l.each.add(key) {
		return nil, unavailable(errGreedy)
	}
	ctx, cancel := context.WithTimeout(ctx, slotsWait)
	defer cancel()
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots; l.each.remove(key) }, nil
	case <-ctx.Done():
		l.each.remove(key)
		return nil, unavailable(errBusy)
	}
}

// tally counts what each of many holds, up to a limit.
type tally struct {
	most int

	mu sync.Mutex
	of map[string]int
}

func newTally(most int) *tally { return &tally{most: most, of: make(map[string]int)} }

// add counts one more, unless that is too many.
func (t *tally) add(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[key] >= t.most {
		return false
	}
	t.of[key]++
	return true
}

func (t *tally) remove(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[key]--; t.of[key] == 0 {
		delete(t.of, key)
	}
}
