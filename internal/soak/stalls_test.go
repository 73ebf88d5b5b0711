package soak

import (
	"context"
	"sync/atomic"
	"time"
)

// A machine that stands still for so long gives up connections and sends their
// packets again after their flows were flushed.
const stall = 500 * time.Millisecond

// stalls notices when the machine stands still.
type stalls struct{ longest atomic.Int64 }

func (s *stalls) watch(ctx context.Context) {
	const tick = 10 * time.Millisecond
	for last := time.Now(); ctx.Err() == nil; {
		time.Sleep(tick)
		now := time.Now()
		s.longest.Store(max(s.longest.Load(), int64(now.Sub(last)-tick)))
		last = now
	}
}

// begin forgets what was before.
func (s *stalls) begin() { s.longest.Store(0) }

// met reports whether there was a stall since begin.
func (s *stalls) met() bool { return s.longest.Load() > int64(stall) }
