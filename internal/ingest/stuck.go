package ingest

import (
	"errors"
	"sync"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/spool"
)

// stuck knows the reports that the spool itself could not handle: they cannot be
// read, say, or not be moved. Each is tried again a few times, then set aside, and
// passed over where it cannot even be moved. The others go on.
type stuck struct {
	log   telegraf.Logger
	spool *spool.Spool

	files map[string]*stuckFile // by name

	mu    sync.Mutex  // imports run at once
	added []stuckFile // since the last decide
}

// stuckFile is one of these reports.
type stuckFile struct {
	entry  spool.Entry
	err    error
	stored bool // nothing is left to do but to take it out of new/

	tries  int
	pauses attempt
	at     time.Time // of the next one
	passed bool      // over
}

func newStuck(log telegraf.Logger, reports *spool.Spool) stuck {
	return stuck{log: log, spool: reports, files: make(map[string]*stuckFile)}
}

// add takes note of a report. Several goroutines may call it.
func (s *stuck) add(entry spool.Entry, err error, stored bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.added = append(s.added, stuckFile{entry: entry, err: err, stored: stored})
}

// decide decides about the reports that were added. It returns an error when it is
// the spool as a whole that fails.
func (s *stuck) decide(now time.Time) error {
	s.mu.Lock()
	added := s.added
	s.added = nil
	s.mu.Unlock()
	for _, f := range added {
		if fault := s.spool.Fault(f.err); fault != nil {
			return &spoolError{fault} // which passes
		}
		file := s.files[f.entry.Name]
		if file == nil || file.entry != f.entry {
			file = &f
			s.files[f.entry.Name] = file
		}
		file.err, file.stored = f.err, f.stored
		s.failed(file, now)
	}
	return nil
}

// failed decides about a report after one more failure.
func (s *stuck) failed(file *stuckFile, now time.Time) {
	file.tries++
	file.at = now.Add(file.pauses.next(retryLater))
	if file.tries < maxAttempts {
		s.log.Debugf("trying %q again: %v", file.entry.Name, file.err)
		return
	}
	err := file.err
	if !file.stored {
		moving := s.setAside(file)
		if moving == nil {
			return
		}
		err = errors.Join(err, moving)
	}
	file.at = now.Add(againEvery)
	if file.passed {
		return
	}
	file.passed = true
	what := "can be neither imported nor moved to rejected/"
	if file.stored {
		what = "is imported and cannot be taken out of new/"
	}
	s.log.Errorf("skipping %q, which %s (retried every %v): %v", file.entry.Name, what, againEvery, err)
}

// setAside moves a report to rejected/.
func (s *stuck) setAside(file *stuckFile) error {
	if err := s.spool.Quarantine(file.entry, file.err); err != nil {
		return err
	}
	delete(s.files, file.entry.Name)
	s.log.Errorf("set %q aside in %s/rejected after %d attempts: %v", file.entry.Name, s.spool.Dir(), file.tries, file.err)
	return nil
}

// sort returns the reports to import of those that are listed, and how many others
// it could take out of new/: what was passed over is only moved, if that is possible
// by now. A report that has changed is a new one.
func (s *stuck) sort(listed []spool.Entry, now time.Time) (due []spool.Entry, done int) {
	if len(s.files) == 0 {
		return listed, 0
	}
	left := make(map[string]*stuckFile)
	for _, entry := range listed {
		file := s.files[entry.Name]
		if file == nil || file.entry != entry {
			due = append(due, entry)
			continue
		}
		left[entry.Name] = file
		switch {
		case now.Before(file.at):
		case file.stored:
			if err := s.spool.Done(entry); err != nil {
				s.add(entry, err, true)
				continue
			}
			delete(left, entry.Name)
			done++
		case file.passed:
			s.add(entry, file.err, false)
		default:
			due = append(due, entry)
		}
	}
	s.files = left
	return due, done
}

// pause returns how long to wait for the next report that is to be tried again, at
// most as long as said.
func (s *stuck) pause(most time.Duration) time.Duration {
	for _, file := range s.files {
		most = min(most, time.Until(file.at))
	}
	return max(most, 0)
}

// count returns how many reports are passed over.
func (s *stuck) count() (n int64) {
	for _, file := range s.files {
		if file.passed {
			n++
		}
	}
	return n
}
