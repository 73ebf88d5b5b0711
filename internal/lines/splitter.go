// Package lines reads line protocol, as Telegraf writes it: from a stream, entry by
// entry, or from a file.
package lines

import (
	"bytes"
	"errors"
	"fmt"
)

const (
	// maxEntry bounds an entry, in bytes: a longer one is skipped, except for its
	// beginning, so that no line fills memory.
	maxEntry = 1 << 20
	// maxPassed bounds what is passed over for the sake of a string that does not
	// end: Telegraf never leaves one open, and after so much it is not Telegraf.
	maxPassed = 64 << 20
	// maxHead is how much is kept of an entry that is passed over.
	maxHead = 1 << 10
)

var (
	errLongEntry = fmt.Errorf("is longer than %d bytes", maxEntry)
	errOpenText  = errors.New("has a string that does not end")
)

// A Splitter cuts a stream into entries of line protocol. An entry is one line, or
// several if a string field holds newlines. Lines inside a string are never entries,
// whatever is wrong with their entry: otherwise, anyone who can put text into a string
// could forge metrics. The exception is a misplaced quote, one whose counterpart is
// followed by something other than the next field or the time: then only the first line
// is taken, so that one bad line does not take others with it.
type Splitter struct {
	store []byte // the memory that buf is in: its start, its capacity
	buf   []byte // what is not consumed yet
	line  int    // the number of the line that buf begins with

	// Of the entry that buf begins with:
	first    int // where its first line ends; -1 while that is not known
	scanned  int // up to where syntax has seen it
	searched int // up to where there is no further newline
	syntax   syntax

	head   []byte // the beginning of an entry that is skipped; nil for none
	passed int    // how much of it was
	lines  int    // newlines in that

	taken, takenLines int // of the entry that Next returned
}

// Entry is the text between two newlines that are outside of strings.
type Entry struct {
	Text []byte // without its last newline; only its beginning when it is too long
	Err  error  // why it is not an entry; nil if decoding has to show that
}

// NewSplitter returns an empty Splitter.
func NewSplitter() *Splitter { return &Splitter{line: 1, first: -1} }

// Add appends a chunk of the stream.
func (s *Splitter) Add(chunk []byte) {
	if need := len(s.buf) + len(chunk); need > cap(s.buf) {
		if need > cap(s.store) {
			s.store = make([]byte, 0, max(need, 2*cap(s.store)))
		}
		// What was consumed leaves room at the front.
		s.buf = append(s.store, s.buf...)
	}
	s.buf = append(s.buf, chunk...)
}

// Next returns the entry that the stream continues with, if it is complete. It is
// valid until Consume. giveUp means that nothing more is coming: lines that an open
// string holds up are then returned as one entry with an error.
func (s *Splitter) Next(giveUp bool) (e Entry, ok bool) {
	for {
		i := bytes.IndexByte(s.buf[s.searched:], '\n')
		if i < 0 {
			break
		}
		end := s.searched + i
		s.syntax.line(s.buf[s.scanned:end])
		s.scanned, s.searched = end+1, end+1
		if s.first < 0 {
			s.first = end
		}
		switch {
		case s.syntax.open() && s.passed < maxPassed:
			s.syntax.newline()
		case s.passed+end > maxEntry:
			return s.take(end, s.beginning(end), errLongEntry), true
		case s.syntax.broken():
			return s.take(s.first, s.buf[:s.first], nil), true
		default:
			return s.take(end, s.buf[:end], nil), true
		}
	}
	s.searched = len(s.buf)
	if s.passed+len(s.buf) > maxEntry {
		s.pass()
	}
	if giveUp && s.Undecided() {
		end, err := bytes.LastIndexByte(s.buf, '\n'), errOpenText // -1 where all is passed over
		if s.head != nil {
			err = errLongEntry
		}
		return s.take(end, s.beginning(max(end, 0)), err), true
	}
	return e, false
}

// take notes that the entry ends at end, where a newline is.
func (s *Splitter) take(end int, text []byte, err error) Entry {
	s.taken = end + 1
	s.takenLines = s.lines + bytes.Count(s.buf[:s.taken], []byte{'\n'})
	return Entry{text, err}
}

// beginning returns some of an entry that is not there as a whole.
func (s *Splitter) beginning(end int) []byte {
	if s.head != nil {
		return s.head
	}
	return s.buf[:min(end, maxHead)]
}

// pass passes over what there is of an entry.
func (s *Splitter) pass() {
	if s.head == nil {
		s.head = bytes.Clone(s.buf[:maxHead])
	}
	s.syntax.scan(s.buf[s.scanned:])
	s.passed += len(s.buf)
	s.lines += bytes.Count(s.buf, []byte{'\n'})
	s.buf, s.scanned, s.searched, s.first = s.buf[:0], 0, 0, 0
}

// Consume moves on to what follows the entry that Next returned.
func (s *Splitter) Consume() {
	s.line += s.takenLines
	s.buf = s.buf[s.taken:]
	s.first, s.scanned, s.searched, s.syntax = -1, 0, 0, syntax{}
	s.head, s.passed, s.lines = nil, 0, 0
}

// Undecided reports whether lines are held up by a string that is still open.
func (s *Splitter) Undecided() bool { return s.first >= 0 }

// Line returns the number of the line that the next entry begins with.
func (s *Splitter) Line() int { return s.line }

// Rest returns what is left of the stream: a line without an end.
func (s *Splitter) Rest() []byte { return s.buf }
