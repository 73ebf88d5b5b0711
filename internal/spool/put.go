package spool

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// overdraft is what Put takes beyond the limit. A sender that stops as soon as
// Room refuses has its last words stored, too.
const overdraft = 16 << 20

// Room returns ErrFull, with what to do about it, once as much waits as the
// limit allows, or once the disk has no room for a sender's last words.
func (s *Spool) Room() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := s.options.Limit; limit > 0 && s.waiting.Bytes+s.writing.Bytes >= limit {
		return s.full()
	}
	return s.takeReserve()
}

func (s *Spool) full() error {
	return fmt.Errorf("%w: %d bytes wait in %s and spool_limit is %d; see why the database takes no rows, or raise spool_limit",
		ErrFull, s.waiting.Bytes, filepath.Join(s.dir, newDir), s.options.Limit)
}

// Put stores the report of a host. When it returns nil the report is durable:
// the file and its name are on disk, and the importer can see it. When it
// returns an error nothing is left behind.
func (s *Spool) Put(host string, data []byte) error {
	size := int64(len(data))
	if err := s.admit(size); err != nil {
		return err
	}
	publish := func(from, to string) error { return s.publish(from, to, size) }
	takeBack := func(path string) error { return s.takeBack(path, size) }
	err := s.writer.write(host, data, publish, takeBack)
	if isNoRoom(err) && s.giveReserve() {
		err = s.writer.write(host, data, publish, takeBack)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writing.remove(size)
	return err
}

// publish makes a report appear and counts it, so that List sees either both
// or none.
func (s *Spool) publish(from, to string, size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Rename(from, to); err != nil {
		return err
	}
	s.waiting.add(size)
	if s.put.IsZero() {
		s.put = time.Now()
	}
	return nil
}

// takeBack is for a report whose name cannot be made durable. When it is
// gone already, because it was imported, it is no longer counted either.
func (s *Spool) takeBack(path string, size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Remove(path); err != nil {
		return err
	}
	s.waiting.remove(size)
	return nil
}

// admit counts size bytes as being written, when the limit allows them.
func (s *Spool) admit(size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit := s.options.Limit; limit > 0 && s.waiting.Bytes+s.writing.Bytes+size > limit+overdraft {
		return s.full()
	}
	s.writing.add(size)
	return nil
}
