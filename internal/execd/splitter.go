package execd

import "bytes"

// maxJoined bounds how much text is searched for the end of a string that goes
// on over several lines.
const maxJoined = 64 << 10

// A splitter cuts a stream into entries of line protocol. A line may have any
// length. An entry is one line, or several when a string field holds newlines;
// whether it does, or whether a quote is just wrong, shows only when the entry
// is decoded, so that the caller can always fall back to the first line alone
// and one bad line never takes others with it.
type splitter struct {
	store []byte // the memory that buf is in: its start, its capacity
	buf   []byte // what is not consumed yet
	line  int    // the number of the line that buf begins with

	// Of the entry that buf begins with:
	first    int // where its first line ends; -1 while that is not known
	scanned  int // up to where quotes has seen it: the start of a line
	searched int // up to where there is no other newline
	quotes   quotes
}

func newSplitter() *splitter { return &splitter{line: 1, first: -1} }

// add appends a chunk of the stream.
func (s *splitter) add(chunk []byte) {
	if need := len(s.buf) + len(chunk); need > cap(s.buf) {
		if need > cap(s.store) {
			s.store = make([]byte, 0, max(need, 2*cap(s.store)))
		}
		// What was consumed leaves room at the front.
		s.buf = append(s.store, s.buf...)
	}
	s.buf = append(s.buf, chunk...)
}

// next returns the entry that the stream continues with, without its last
// newline, if it is complete. When settle is set, because nothing more is
// coming, a string that is still open does not hold up the lines after it.
func (s *splitter) next(settle bool) (entry []byte, ok bool) {
	for {
		i := bytes.IndexByte(s.buf[s.searched:], '\n')
		if i < 0 {
			s.searched = len(s.buf)
			if settle && s.first >= 0 {
				return s.firstLine(), true
			}
			return nil, false
		}
		end := s.searched + i
		s.quotes.scan(s.buf[s.scanned:end])
		s.scanned, s.searched = end+1, end+1
		if s.first < 0 {
			s.first = end
		}
		switch {
		case !s.quotes.open:
			return s.buf[:end], true
		case end > maxJoined:
			return s.firstLine(), true
		}
	}
}

// firstLine returns the first line of the entry that next returned.
func (s *splitter) firstLine() []byte { return s.buf[:s.first] }

// consume moves on to what follows entry.
func (s *splitter) consume(entry []byte) {
	s.line += 1 + bytes.Count(entry, []byte("\n"))
	s.buf = s.buf[len(entry)+1:]
	s.first, s.scanned, s.searched, s.quotes = -1, 0, 0, quotes{}
}

// undecided reports whether lines are held up by a string that is still open.
func (s *splitter) undecided() bool { return s.first >= 0 }

// rest returns what is left of the stream: a line without an end.
func (s *splitter) rest() []byte { return s.buf }

// quotes follows an entry as far as it must to know whether it has ended inside
// a quoted string.
type quotes struct {
	begun, fields, open bool // past leading spaces, past the tags, in a string
}

func (q *quotes) scan(line []byte) {
	if !q.begun && bytes.IndexByte(line, '"') < 0 {
		return // as nearly all lines
	}
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case !q.begun && (c == ' ' || c == '\t'):
			continue
		case !q.begun && c == '#':
			return // a comment
		case c == '\\' && i+1 < len(line) && q.escapes(line[i+1]):
			i++
		case !q.fields && c == ' ':
			q.fields = true
		case q.fields && c == '"':
			q.open = !q.open
		}
		q.begun = true
	}
}

// escapes reports whether c loses its meaning behind a backslash.
func (q *quotes) escapes(c byte) bool {
	if q.open {
		return c == '"' || c == '\\'
	}
	return c == ' ' || c == ',' || c == '='
}
