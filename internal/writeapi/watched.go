package writeapi

import (
	"os"
	"slices"
	"sync"
	"time"

	"github.com/influxdata/telegraf"
)

// watched is what was read from files, and is read again when one of them has changed. What
// cannot be read then is logged, and leaves the old value in force.
type watched[T any] struct {
	what  string
	files []string
	load  func() (T, error)
	log   telegraf.Logger

	mu     sync.Mutex
	value  T
	stamps []stamp
	asked  time.Time
}

// stamp tells one content of a file from another.
type stamp struct {
	changed int64
	size    int64
}

const askEvery = time.Second

// watch reads files for the first time.
func watch[T any](what string, log telegraf.Logger, load func() (T, error), files ...string) (*watched[T], error) {
	w := &watched[T]{what: what, files: files, load: load, log: log}
	w.stamps = w.now()
	var err error
	w.value, err = load()
	return w, err
}

func (w *watched[T]) now() (stamps []stamp) {
	for _, path := range w.files {
		var s stamp
		if info, err := os.Stat(path); err == nil {
			s = stamp{info.ModTime().UnixNano(), info.Size()}
		}
		stamps = append(stamps, s)
	}
	return stamps
}

// get returns what the files hold.
func (w *watched[T]) get() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.asked) < askEvery {
		return w.value
	}
	w.asked = time.Now()
	stamps := w.now()
	if slices.Equal(stamps, w.stamps) {
		return w.value
	}
	w.stamps = stamps
	value, err := w.load()
	if err != nil {
		w.log.Errorf("%s: %v; going on with what was read before", w.what, err)
		return w.value
	}
	w.log.Infof("%s: read again", w.what)
	w.value = value
	return w.value
}
