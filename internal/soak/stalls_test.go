//go:build soak

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
type stalls struct{ stood atomic.Bool }

func (s *stalls) watch(ctx context.Context) {
	const tick = 10 * time.Millisecond
	for last := time.Now(); ctx.Err() == nil; last = time.Now() {
		time.Sleep(tick)
		if time.Since(last) > tick+stall {
			s.stood.Store(true)
		}
	}
}

// begin forgets what was before.
func (s *stalls) begin() { s.stood.Store(false) }

// met reports whether there was a stall since begin.
func (s *stalls) met() bool { return s.stood.Load() }
