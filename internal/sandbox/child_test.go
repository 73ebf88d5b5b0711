package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

// childVariable makes this test binary enter the sandbox that it describes, and try
// what is named on its command line.
const childVariable = "SANDBOX_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := beChild(text, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// outcome is what a child tells.
type outcome struct {
	Status  Status
	Errors  map[string]string   // of what was tried; "" for what went well
	Older   string              // the error of executing a program on a thread that was there before
	Threads map[string][]string // see testkit.Privileges
}

func beChild(text string, acts []string) error {
	var p Profile
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	start := make(chan struct{})
	older := onThread(start, func() error { return unix.Exec("/bin/true", []string{"true"}, nil) })
	keep := []Capability{NetAdmin}
	if p.Namespaces {
		keep = append(keep, SysAdmin)
	}
	if err := Drop(keep...); err != nil {
		return err
	}
	out := outcome{Errors: make(map[string]string)}
	out.Status = Enter(p)
	close(start)
	out.Older = describe(<-older)
	for _, act := range acts {
		name, argument, _ := strings.Cut(act, "=")
		out.Errors[act] = describe(deeds[name](argument))
	}
	out.Threads = testkit.Privileges(os.Getpid())
	return json.NewEncoder(os.Stdout).Encode(out)
}

// onThread calls do on a thread that is there before the channel is closed.
func onThread(start <-chan struct{}, do func() error) <-chan error {
	result, ready := make(chan error, 1), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(ready)
		<-start
		result <- do()
	}()
	<-ready
	return result
}

func describe(err error) string {
	var number unix.Errno
	switch {
	case err == nil:
		return ""
	case errors.As(err, &number):
		return unix.ErrnoName(number)
	}
	return err.Error()
}

// deeds are what a child can try, with an argument.
var deeds = map[string]func(string) error{
	"read":   func(path string) error { _, err := os.ReadFile(path); return err },
	"list":   func(path string) error { _, err := os.ReadDir(path); return err },
	"make":   func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) },
	"remove": os.Remove,
	"move":   func(path string) error { from, to, _ := strings.Cut(path, ","); return os.Rename(from, to) },
	"link":   func(path string) error { from, to, _ := strings.Cut(path, ","); return os.Symlink(from, to) },
	"chmod":  func(path string) error { return os.Chmod(path, 0o777) },
	"write": func(path string) error {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("1")
		return errors.Join(err, f.Close())
	},
	"run":  func(path string) error { _, err := syscall.ForkExec(path, []string{path}, nil); return err },
	"exec": func(path string) error { return unix.Exec(path, []string{path}, nil) },
	"fork": func(string) error { _, _, e := unix.RawSyscall(unix.SYS_CLONE, 0, 0, 0); return orNil(e) },
	"dial": func(address string) error {
		network, address, _ := strings.Cut(address, ",")
		conn, err := net.DialTimeout(network, address, 10*time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	},
	"listen":      func(address string) error { _, err := net.Listen("tcp", address); return err },
	"packets":     func(string) error { return socket(unix.AF_PACKET, unix.SOCK_RAW, 0) },
	"netfilter":   func(string) error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER) },
	"rtnetlink":   func(string) error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE) },
	"vsock":       func(string) error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) },
	"mount":       func(path string) error { return unix.Mount("none", path, "tmpfs", 0, "") },
	"unshare":     func(string) error { return unix.Unshare(unix.CLONE_NEWNS) },
	"user":        func(string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"ptrace":      func(string) error { return unix.PtraceAttach(os.Getppid()) },
	"signal":      func(string) error { return unix.Kill(os.Getppid(), 0) },
	"raise":       func(string) error { return unix.Kill(os.Getpid(), 0) },
	"module":      func(string) error { return unix.InitModule([]byte("none"), "") },
	"bpf":         func(string) error { return anyCall(unix.SYS_BPF) },
	"keys":        func(string) error { _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, false); return err },
	"memory file": func(string) error { _, err := unix.MemfdCreate("x", 0); return err },
	"events":      func(string) error { _, err := unix.PerfEventOpen(&unix.PerfEventAttr{}, 0, -1, -1, 0); return err },
	"ring":        func(string) error { return anyCall(unix.SYS_IO_URING_SETUP) },
	"code":        func(string) error { return executable() },
	"setns":       enterNamespace,
	"work":        work,
}

func socket(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind, protocol)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func orNil(e unix.Errno) error {
	if e != 0 {
		return e
	}
	return nil
}

func anyCall(number uintptr) error {
	_, _, e := unix.Syscall(number, 0, 0, 0)
	return orNil(e)
}

// executable writes to memory that it then wants to execute.
func executable() error {
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	return unix.Mprotect(page, unix.PROT_READ|unix.PROT_EXEC)
}

func enterNamespace(path string) error {
	runtime.LockOSThread()
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// work has the runtime make threads, collect garbage, preempt and wait.
func work(string) error {
	var wait sync.WaitGroup
	stop := time.Now().Add(100 * time.Millisecond)
	for range 20 {
		wait.Go(func() {
			runtime.LockOSThread() // and the thread ends with the goroutine
			for kept := [][]byte(nil); time.Now().Before(stop); kept = append(kept[:len(kept)%10], make([]byte, 64<<10)) {
				runtime.Gosched()
			}
		})
	}
	wait.Wait()
	runtime.GC()
	return nil
}

// try has a child enter the sandbox and try acts.
func try(t *testing.T, p Profile, acts ...string) outcome {
	t.Helper()
	testkit.Need(t)
	text, err := json.Marshal(p)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0], acts...)
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	child := testkit.StartChild(t, cmd)
	require.NoError(t, child.Wait(time.Minute), child.Stderr())
	var out outcome
	require.NoError(t, json.Unmarshal([]byte(child.Stdout()), &out))
	return out
}
