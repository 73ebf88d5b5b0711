package execd

import (
	"os"
	"os/signal"
	"syscall"
)

// takeSignals ignores the signals that would end the process too early. It never
// restores them: the process still waits for Telegraf to read its last output.
//
// The end of stdin is Telegraf's way to end its child. It sends SIGTERM to a
// child that takes longer than five seconds over its last work, and a terminal
// sends SIGINT to Telegraf and child alike: both would only cut that work
// short. When stdin is a terminal, or when nobody is at its other end, these two
// signals are the way to end the process, and arrive on the channel. With SIGPIPE
// ignored, a write to a pipe without a reader fails with EPIPE; otherwise it would kill
// the process without a message.
//
// A one-shot run does not read stdin, so the signals keep their effect there.
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

// takeRequests turns the signals that inputs.execd can send into requests to gather.
// By default they would end the process.
func takeRequests() <-chan os.Signal {
	ch := make(chan os.Signal, 1) // signals during a gather are one request
	signal.Notify(ch, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	return ch
}

// alone reports whether the program runs without a parent whose end of stdin matters:
// it polls, and stdin is /dev/null or a file, as under systemd.
func (s *session) alone() bool {
	return s.pollInterval > 0 && !isPipe(s.Stdin) && !isSocket(s.Stdin) && !isTerminal(s.Stdin)
}
