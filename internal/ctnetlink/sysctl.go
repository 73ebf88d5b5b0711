package ctnetlink

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
)

// Sysctls of nf_conntrack, for [Namespace.Sysctl] and [Namespace.SetSysctl].
// All but Max are the namespace's own.
const (
	Acct      = "nf_conntrack_acct"      // 1: count packets and bytes of new entries
	Timestamp = "nf_conntrack_timestamp" // 1: remember when new entries began
	Events    = "nf_conntrack_events"    // 1: events for every new entry; 2: only if a program listens when it begins
	Count     = "nf_conntrack_count"     // entries now
	Max       = "nf_conntrack_max"       // entries allowed
)

// ErrNoConntrack means that the kernel has no connection tracking.
var ErrNoConntrack = errors.New("the kernel has no connection tracking: load the module nf_conntrack (modprobe nf_conntrack)")

const sysctlDir = "/proc/sys/net/netfilter"

// Sysctl reads one of nf_conntrack's settings. It returns [ErrNoConntrack] when
// the module is not loaded.
func (n *Namespace) Sysctl(name string) (int, error) {
	var text []byte
	err := n.Do(func() (err error) {
		text, err = os.ReadFile(filepath.Join(sysctlDir, name))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("reading sysctl net.netfilter.%s: %w", name, explainSysctl(err))
	}
	value, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("reading sysctl net.netfilter.%s: %w", name, err)
	}
	return value, nil
}

// TCPTimeouts reads how long the kernel keeps TCP connections that are over. A timeout
// that cannot be read is missing.
func (n *Namespace) TCPTimeouts() accounting.TCPTimeouts {
	timeouts := make(accounting.TCPTimeouts)
	for state, name := range map[uint8]string{
		accounting.TCPCloseWait: "close_wait",
		accounting.TCPLastAck:   "last_ack",
		accounting.TCPTimeWait:  "time_wait",
		accounting.TCPClose:     "close",
	} {
		if seconds, err := n.Sysctl("nf_conntrack_tcp_timeout_" + name); err == nil {
			timeouts[state] = time.Duration(seconds) * time.Second
		}
	}
	return timeouts
}

// SetSysctl writes one of nf_conntrack's settings.
func (n *Namespace) SetSysctl(name string, value int) error {
	err := n.openSysctl(name, func(f *os.File) error {
		_, err := f.WriteString(strconv.Itoa(value))
		return err
	})
	if err != nil {
		return fmt.Errorf("setting sysctl net.netfilter.%s=%d: %w", name, value, explainSysctl(err))
	}
	return nil
}

// MaySetSysctl returns nil if SetSysctl may write a setting.
func (n *Namespace) MaySetSysctl(name string) error {
	return n.openSysctl(name, func(*os.File) error { return nil })
}

// openSysctl opens a setting to be written.
func (n *Namespace) openSysctl(name string, fn func(*os.File) error) error {
	return n.Do(func() error {
		// Not os.WriteFile, which would create a missing file.
		f, err := os.OpenFile(filepath.Join(sysctlDir, name), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(fn(f), f.Close())
	})
}

func explainSysctl(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, statErr := os.Stat(filepath.Join(sysctlDir, Count)); errors.Is(statErr, fs.ErrNotExist) {
			return ErrNoConntrack
		}
	case errors.Is(err, unix.EROFS):
		return fmt.Errorf("%w (/proc/sys is read-only here)", err)
	case errors.Is(err, os.ErrPermission):
		return explain(err)
	}
	return err
}
