package spool

import "time"

// Count is a number of files and how much they hold.
type Count struct {
	Files int64
	Bytes int64
}

func (c *Count) add(size int64) { c.plus(Count{1, size}) }

func (c *Count) remove(size int64) { c.plus(Count{-1, -size}) }

func (c *Count) plus(other Count) {
	c.Files += other.Files
	c.Bytes += other.Bytes
}

// Stats tell how a spool fares.
type Stats struct {
	Waiting Count     // reports in new/ and in later/
	Later   Count     // those of them that the database does not take for now
	Oldest  time.Time // when the oldest of them that is ready arrived; zero for none

	Archived Count // files in processed/
	Rejected Count // files in rejected/, that somebody has to look at
	Deleted  Count // what the limits of the archive deleted since Open
}

// Stats returns what is known without a look at the disk: of new/ since the
// last List, of the others since the last Tidy.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Waiting: s.waiting, Later: s.later, Oldest: s.oldest(), Archived: s.archived, Rejected: s.rejected, Deleted: s.deleted}
}

// oldest needs s.mu.
func (s *Spool) oldest() time.Time {
	if s.next < len(s.listed) {
		return s.listed[s.next].since
	}
	return s.put
}

// gone takes note that a report has left new/. It needs s.mu.
func (s *Spool) gone(entry Entry) {
	s.waiting.remove(entry.Size)
	if s.waiting.Files <= 0 {
		s.put = time.Time{}
	}
	// Several reports may be imported at a time, and leave in any order.
	s.ahead[entry.Name] = struct{}{}
	for s.next < len(s.listed) {
		name := s.listed[s.next].Name
		if _, gone := s.ahead[name]; !gone {
			break
		}
		delete(s.ahead, name)
		s.next++
	}
}
