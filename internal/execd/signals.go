package execd

import (
	"os"
	"os/signal"
	"syscall"
)

// takeSignals makes the process deaf to what would end it too early, from here on:
// what is written last is read while the process waits for its end.
//
// The end of stdin is Telegraf's way to end its child. It sends SIGTERM to a
// child that takes longer than five seconds over its last work, and a terminal
// sends SIGINT to Telegraf and child alike: both would only cut that work
// short. When stdin is itself a terminal, or nobody's, the two are the way to end
// the process, and arrive on the channel. Without SIGPIPE, a write into a pipe
// that nobody reads any more fails with EPIPE instead of killing the process
// without a word.
//
// A one-shot run does not read stdin, so there the signals keep their effect.
func (s *session) takeSignals() <-chan os.Signal {
	ch := make(chan os.Signal, 1)
	switch {
	case s.oneShot:
	case isTerminal(s.Stdin) || s.alone():
		signal.Notify(ch, os.Interrupt, syscall.SIGTERM)
	default:
		signal.Ignore(os.Interrupt, syscall.SIGTERM)
	}
	signal.Ignore(syscall.SIGPIPE)
	return ch
}

// takeRequests makes each of the signals that inputs.execd can send a request to
// gather, where it would end the process.
func takeRequests() <-chan os.Signal {
	ch := make(chan os.Signal, 1) // those that come while a gather goes on are one
	signal.Notify(ch, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	return ch
}
