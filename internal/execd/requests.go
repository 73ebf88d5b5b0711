package execd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

const (
	pipeSize     = 64 << 10
	requestReads = 16 // so that endless newlines cannot put off a gather without limit
)

// requests are the newlines on stdin, read in the background. All that wait together, or
// arrive during a gather, are one request: after a gather that was stuck for many
// intervals, one gather reports everything, and many gathers would only delay the
// program's end.
type requests struct {
	asked chan struct{} // closed at the end of stdin
	err   error         // of reading stdin, nil at its end; valid once asked is closed
}

// readRequests reads until stdin or the process ends.
func readRequests(stdin *os.File) *requests {
	r := &requests{asked: make(chan struct{}, 1)}
	go r.read(stdin)
	return r
}

func (r *requests) read(stdin *os.File) {
	defer close(r.asked)
	room := make([]byte, pipeSize)
	for {
		asked, err := readWaiting(stdin, room)
		if asked {
			select {
			case r.asked <- struct{}{}:
			default: // one waits already
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.err = fmt.Errorf("reading stdin: %w", err)
			return
		}
	}
}

// readWaiting waits for input, takes all that is there, and reports whether it asks
// for a gather. It may do so together with an error.
func readWaiting(stdin *os.File, room []byte) (asked bool, err error) {
	for range requestReads {
		n, err := stdin.Read(room)
		asked = asked || bytes.IndexByte(room[:n], '\n') >= 0
		if err != nil {
			return asked, err
		}
		if more, err := readable(stdin, 0); !more || err != nil {
			return asked, err
		}
	}
	return asked, nil
}
