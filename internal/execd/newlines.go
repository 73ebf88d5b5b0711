package execd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// newlines are the requests on stdin, read in the background. Those that come
// while a gather goes on are one.
type newlines struct {
	asked chan struct{} // closed at the end of stdin
	err   error         // what ended stdin, if it is not its end; read only after that
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

// alone reports whether nobody is at the other end of stdin whose going away would
// be the end: it polls, and stdin is /dev/null, as under systemd.
func (s *session) alone() bool {
	return s.pollInterval > 0 && !isPipe(s.Stdin) && !isSocket(s.Stdin) && !isTerminal(s.Stdin)
}

// ticks returns a channel for the flag -poll_interval; without it nothing comes.
func (s *session) ticks() (ticks <-chan time.Time, stop func()) {
	if s.pollInterval == 0 {
		return nil, func() {}
	}
	ticker := time.NewTicker(s.pollInterval)
	return ticker.C, ticker.Stop
}
