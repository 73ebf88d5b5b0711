package execd

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// newlines are the requests on stdin, read in the background. Those that arrive during
// a gather count as one.
type newlines struct {
	asked chan struct{} // closed at the end of stdin
	err   error         // of reading stdin, nil at its end; valid once asked is closed
}

// readNewlines reads until stdin or the process ends.
func readNewlines(stdin *os.File) *newlines {
	n := &newlines{asked: make(chan struct{}, 1)}
	go n.read(newRequests(stdin))
	return n
}

func (n *newlines) read(requests *requests) {
	defer close(n.asked)
	for {
		asked, err := requests.read()
		if asked {
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
