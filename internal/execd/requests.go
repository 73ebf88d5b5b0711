package execd

import (
	"bytes"
	"os"
)

const (
	pipeSize     = 64 << 10
	requestReads = 16 // so that endless newlines cannot put off a gather without limit
)

// requests are the newlines on stdin. All that wait together are one request: after a
// gather that was stuck for many intervals, one gather reports everything, and many
// gathers would only delay the program's end.
type requests struct {
	stdin *os.File
	room  []byte
}

func newRequests(stdin *os.File) *requests {
	return &requests{stdin: stdin, room: make([]byte, pipeSize)}
}

// read waits for input, takes all that is there, and reports whether it asks
// for a gather. It may do so together with an error.
func (r *requests) read() (asked bool, err error) {
	for range requestReads {
		n, err := r.stdin.Read(r.room)
		asked = asked || bytes.IndexByte(r.room[:n], '\n') >= 0
		if err != nil {
			return asked, err
		}
		if more, err := readable(r.stdin, 0); !more || err != nil {
			return asked, err
		}
	}
	return asked, nil
}
