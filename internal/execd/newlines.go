package execd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// pipeSize is the size of a pipe: one read takes all the newlines that wait in it.
const pipeSize = 64 << 10

// newlines are the requests on stdin, read in the background. All that wait together are
// one request: after a gather that was stuck for many intervals, one gather reports
// everything, and many gathers would only delay the program's end.
type newlines struct {
	asked chan struct{} // closed at the end of stdin
	err   error         // of reading stdin, nil at its end; valid once asked is closed
}

// readNewlines reads until stdin or the process ends.
func readNewlines(stdin *os.File) *newlines {
	n := &newlines{asked: make(chan struct{}, 1)}
	go n.read(stdin)
	return n
}

func (n *newlines) read(stdin *os.File) {
	defer close(n.asked)
	room := make([]byte, pipeSize)
	for {
		size, err := stdin.Read(room)
		if bytes.IndexByte(room[:size], '\n') >= 0 {
			select {
			case n.asked <- struct{}{}:
			default: // one waits already
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			n.err = fmt.Errorf("reading stdin: %w", err)
			return
		}
	}
}

// alone reports whether the program runs without a parent whose end of stdin matters:
// it polls, and stdin is /dev/null or a file, as under systemd.
func (s *session) alone() bool {
	return s.pollInterval > 0 && !isPipe(s.Stdin) && !isSocket(s.Stdin) && !isTerminal(s.Stdin)
}
