package spool

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/fsnotify/fsnotify"
)

// Watch is told by the kernel of reports that appear in new/, from any
// process. It can miss some: look at List from time to time. A nil Watch never
// tells of any.
type Watch struct {
	watcher *fsnotify.Watcher
	folder  string
	wake    func()
	lost    chan struct{} // closed when nothing more will be told
}

// Watch calls wake, from a goroutine of its own, for each report that appears,
// until Close.
func (s *Spool) Watch(wake func()) (*Watch, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watching the spool (see the sysctl fs.inotify.max_user_instances): %w", err)
	}
	folder := filepath.Join(s.dir, newDir)
	if err := watcher.Add(folder); err != nil {
		_ = watcher.Close()
		return nil, fmt.Errorf("watching %s (see the sysctl fs.inotify.max_user_watches): %w", folder, err)
	}
	w := &Watch{watcher: watcher, folder: folder, wake: wake, lost: make(chan struct{})}
	go w.run() // until Close, or until the folder is gone
	return w, nil
}

// Lost is closed once nothing more will be told: after Close, or because the
// folder was removed or replaced.
func (w *Watch) Lost() <-chan struct{} {
	if w == nil {
		return nil
	}
	return w.lost
}

// Close ends the watch. After it, wake is not called.
func (w *Watch) Close() error {
	if w == nil {
		return nil
	}
	err := w.watcher.Close()
	<-w.lost
	return err
}

func (w *Watch) run() {
	defer close(w.lost)
	defer func() { _ = w.watcher.Close() }()
	for {
		select {
		case event, ok := <-w.watcher.Events:
			if !ok || w.isGone(event) {
				return
			}
			// A file that is moved into the folder is created there, too.
			if event.Has(fsnotify.Create) && !isHidden(filepath.Base(event.Name)) {
				w.wake()
			}
		case err, ok := <-w.watcher.Errors:
			if !ok || !errors.Is(err, fsnotify.ErrEventOverflow) {
				return
			}
			w.wake() // for whatever was missed
		}
	}
}

func (w *Watch) isGone(event fsnotify.Event) bool {
	return event.Name == w.folder && (event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename))
}
