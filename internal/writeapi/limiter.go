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

	mu sync.Mutex
	of map[string]int
}

func newLimiter() *limiter {
	return &limiter{slots: make(chan struct{}, requests), of: make(map[string]int)}
}

// take waits for a slot, which release gives back.
func (l *limiter) take(ctx context.Context, key string) (release func(), err error) {
	if !l.count(key) {
		return nil, unavailable(errGreedy)
	}
	ctx, cancel := context.WithTimeout(ctx, slotsWait)
	defer cancel()
	select {
	case l.slots <- struct{}{}:
		return func() { <-l.slots; l.uncount(key) }, nil
	case <-ctx.Done():
		l.uncount(key)
		return nil, unavailable(errBusy)
	}
}

func (l *limiter) count(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[key] >= ofClient {
		return false
	}
	l.of[key]++
	return true
}

func (l *limiter) uncount(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of[key]--; l.of[key] == 0 {
		delete(l.of, key)
	}
}
