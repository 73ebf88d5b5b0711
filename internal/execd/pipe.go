package execd

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	drainLimit = 3 * time.Second // of the five that Telegraf gives its child
	drainPoll  = 2 * time.Millisecond
	linger     = 50 * time.Millisecond
)

// readable waits until f has something to read or is at its end, or until the
// timeout has passed; a negative timeout means no limit.
func readable(f *os.File, timeout time.Duration) (bool, error) {
	events, err := poll(f, unix.POLLIN, timeout)
	return events != 0, err
}

// poll waits for events on f, and for what poll(2) always reports: errors and
// hang-ups.
func poll(f *os.File, events int16, timeout time.Duration) (int16, error) {
	ms := -1
	if timeout >= 0 {
		ms = int((timeout + time.Millisecond - 1) / time.Millisecond)
	}
	var found int16
	err := control(f, func(fd int) error {
		fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
		_, err := unix.Poll(fds, ms)
		found = fds[0].Revents
		return err
	})
	if errors.Is(err, unix.EINTR) {
		return 0, nil
	}
	return found, err
}

// closeDrained closes the write ends of pipes after their reader has emptied them.
// Telegraf reads its child's pipes and waits for the child at the same time; when the
// wait returns first, Telegraf closes the pipes and loses what it has not read.
// closeDrained gives up when the reader is gone or drainLimit has passed.
func closeDrained(files ...*os.File) {
	deadline := time.Now().Add(drainLimit)
	for _, f := range files {
		for isPipe(f) && unread(f) > 0 && !readerGone(f) && time.Now().Before(deadline) {
			time.Sleep(drainPoll)
		}
		_ = f.Close()
	}
	// The reader has the data, but may not have seen the end of the file yet.
	time.Sleep(linger)
}

func isPipe(f *os.File) bool { return isOf(f, os.ModeNamedPipe) }

func isSocket(f *os.File) bool { return isOf(f, os.ModeSocket) }

func isOf(f *os.File, kind os.FileMode) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&kind != 0
}

// unread returns how many bytes are in the pipe (FIONREAD, which Linux also
// calls TIOCINQ, and answers at both ends).
func unread(f *os.File) int {
	n := 0
	_ = control(f, func(fd int) (err error) {
		n, err = unix.IoctlGetInt(fd, unix.TIOCINQ)
		return err
	})
	return n
}

// readerGone reports whether the pipe's other end is closed.
func readerGone(f *os.File) bool {
	events, err := poll(f, 0, 0)
	return err != nil || events&unix.POLLERR != 0
}

func isTerminal(f *os.File) bool {
	return control(f, func(fd int) error {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	}) == nil
}

// control calls fn with the descriptor of f, which is open meanwhile. Unlike
// f.Fd it leaves the descriptor's mode alone.
func control(f *os.File, fn func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := conn.Control(func(fd uintptr) { result = fn(int(fd)) }); err != nil {
		return err
	}
	return result
}
