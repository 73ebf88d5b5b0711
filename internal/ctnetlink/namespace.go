package ctnetlink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// errNamespaceClosed is returned by Do after Close.
var errNamespaceClosed = errors.New("network namespace handle is closed")

// A Namespace is a network namespace to read conntrack in. Sockets opened in
// it stay in it, also after Close.
//
// One thread of the process enters the namespace when it is opened and stays
// there until Close, so the capability that entering needs can be dropped.
type Namespace struct {
	path  string        // empty for the namespace the process is in
	file  unix.Stat_t   // of the namespace; its inode is not reused while it is held
	calls chan call     // to the thread in the namespace
	quit  chan struct{} // closed by Close; ends that thread
	done  chan struct{} // closed when the thread ends
	once  sync.Once
}

type call struct {
	fn     func() error
	result chan<- error
}

// OpenNamespace opens a network namespace: by name, one that "ip netns add"
// made, or by path, such as /proc/PID/ns/net. An empty string means the one the
// process is in.
func OpenNamespace(nameOrPath string) (*Namespace, error) {
	if nameOrPath == "" {
		return &Namespace{}, nil
	}
	path := NamespacePath(nameOrPath)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a named pipe is not waited for
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("network namespace %q not found: %w (\"ip netns list\" shows the names)", nameOrPath, err)
	}
	if err != nil {
		return nil, fmt.Errorf("opening network namespace %q: %w", nameOrPath, err)
	}
	defer func() { _ = f.Close() }()

	n := &Namespace{
		path:  path,
		calls: make(chan call),
		quit:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	if err := unix.Fstat(int(f.Fd()), &n.file); err != nil {
		return nil, fmt.Errorf("opening network namespace %q: %w", nameOrPath, err)
	}
	entered := make(chan error, 1)
	go n.serve(int(f.Fd()), entered)
	if err := <-entered; err != nil {
		return nil, err
	}
	return n, nil
}

// NamespacePath returns the file that stands for a network namespace, "" for the one the
// process is in.
func NamespacePath(nameOrPath string) string {
	if nameOrPath == "" || strings.ContainsRune(nameOrPath, '/') {
		return nameOrPath
	}
	return filepath.Join("/run/netns", nameOrPath)
}

// Replaced reports whether another namespace has the name now, as after "ip netns del"
// and "ip netns add". It is false while the name is gone or does not stand for a
// namespace yet.
func (n *Namespace) Replaced() bool {
	if n.path == "" {
		return false
	}
	var file unix.Stat_t
	var fs unix.Statfs_t
	if unix.Stat(n.path, &file) != nil || unix.Statfs(n.path, &fs) != nil {
		return false
	}
	return fs.Type == unix.NSFS_MAGIC && (file.Dev != n.file.Dev || file.Ino != n.file.Ino)
}

// Do calls fn on a thread in the namespace and returns its error. fn must be
// short: calls wait for each other.
func (n *Namespace) Do(fn func() error) error {
	if n.path == "" {
		return fn()
	}
	result := make(chan error, 1)
	select {
	case n.calls <- call{fn, result}:
		return <-result
	case <-n.quit:
		return errNamespaceClosed
	}
}

// Close leaves the namespace.
func (n *Namespace) Close() error {
	if n.path != "" {
		n.once.Do(func() { close(n.quit) })
		<-n.done
	}
	return nil
}

// serve enters the namespace and runs calls there until Close. It never
// unlocks its thread, so the runtime ends the thread with the goroutine.
func (n *Namespace) serve(fd int, entered chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The main thread stands for the whole process in /proc/self: hold it
		// here while another thread is found, then give it back.
		defer runtime.UnlockOSThread()
		moved := make(chan error)
		go n.serve(fd, moved)
		entered <- <-moved
		return
	}
	defer close(n.done)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		entered <- n.explain(err)
		return
	}
	entered <- nil
	for {
		select {
		case c := <-n.calls:
			c.result <- c.fn()
		case <-n.quit:
			return
		}
	}
}

func (n *Namespace) explain(err error) error {
	why := ""
	switch {
	case errors.Is(err, os.ErrPermission):
		why = " (CAP_SYS_ADMIN is needed, at start only)"
	case errors.Is(err, unix.EINVAL):
		why = " (it is not a network namespace)"
	}
	return fmt.Errorf("entering network namespace %s: %w%s", n.path, err, why)
}
