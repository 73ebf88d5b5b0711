// Package testkit sets up the real things tests run against: network
// namespaces with conntrack and nftables in them, traffic, and servers. It is
// for tests only.
package testkit

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// Netns is a network namespace of one test's own.
type Netns struct {
	Name string
}

// NewNetns makes a namespace with a name nobody else has, its loopback up, and
// removes it when the test ends.
func NewNetns(t testing.TB) *Netns {
	t.Helper()
	Need(t, "ip")
	removeLeftNetns()
	n := &Netns{Name: fmt.Sprintf("%s%d-%s", netnsPrefix, os.Getpid(), randomHex(6))}
	run(t, exec.Command(Tool("ip"), "netns", "add", n.Name))
	t.Cleanup(func() { run(t, exec.Command(Tool("ip"), "netns", "del", n.Name)) })
	n.IP(t, "link", "set", "lo", "up")
	return n
}

const netnsPrefix = "ctt-" // the process that made it follows

// removeLeftNetns removes the namespaces of tests that were killed: their flows
// stay in the one table that the kernel has for all namespaces, and slow down
// every dump.
var removeLeftNetns = sync.OnceFunc(func() {
	names, _ := filepath.Glob("/run/netns/" + netnsPrefix + "*")
	for _, path := range names {
		name := filepath.Base(path)
		pid, _, ours := strings.Cut(strings.TrimPrefix(name, netnsPrefix), "-")
		if _, err := os.Stat("/proc/" + pid); ours && err != nil {
			_ = exec.Command(Tool("ip"), "netns", "del", name).Run() // or another test has
		}
	}
})

// Path returns the file that stands for the namespace.
func (n *Netns) Path() string { return filepath.Join("/run/netns", n.Name) }

// Do calls fn on a thread inside the namespace. Sockets opened there stay in
// it. The thread is not used again. fn must not call t.FailNow (nor require):
// it runs on another goroutine than the test.
func (n *Netns) Do(fn func() error) error {
	result := make(chan error, 1)
	go n.onThread(fn, result)
	return <-result
}

func (n *Netns) onThread(fn func() error, result chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// The main thread cannot end and stands for the process in /proc/self:
		// hold it here while another does the work.
		defer runtime.UnlockOSThread()
		result <- n.Do(fn)
		return
	}
	// Never unlocked: the runtime ends the thread with its goroutine.
	result <- n.enterAnd(fn)
}

func (n *Netns) enterAnd(fn func() error) error {
	f, err := os.Open(n.Path())
	if err != nil {
		return fmt.Errorf("opening network namespace: %w", err)
	}
	defer func() { _ = f.Close() }()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering network namespace %s: %w", n.Name, err)
	}
	return fn()
}

// Command prepares a program that will run inside the namespace. Its process
// is the program itself, so it can be signalled and waited for as usual.
func (n *Netns) Command(name string, args ...string) *exec.Cmd {
	if path := Tool(name); path != "" {
		name = path
	}
	return exec.Command(Tool("ip"), append([]string{"netns", "exec", n.Name, name}, args...)...)
}

// Exec runs a program inside the namespace and returns what it wrote. The test
// fails if the program does.
func (n *Netns) Exec(t testing.TB, args ...string) string {
	t.Helper()
	return run(t, n.Command(args[0], args[1:]...))
}

// IP runs the ip tool on the namespace.
func (n *Netns) IP(t testing.TB, args ...string) string {
	t.Helper()
	return run(t, exec.Command(Tool("ip"), append([]string{"-n", n.Name}, args...)...))
}

// Sysctl writes /proc/sys/KEY in the namespace; key may be dotted, and a bare
// nf_conntrack_* name means the one below net.netfilter. Mind that
// nf_conntrack_max and nf_conntrack_buckets belong to the whole machine.
func (n *Netns) Sysctl(t testing.TB, key string, value any) {
	t.Helper()
	if err := n.SetSysctl(key, value); err != nil {
		t.Fatal(err)
	}
}

// SetSysctl is Sysctl for goroutines other than the test's.
func (n *Netns) SetSysctl(key string, value any) error {
	path := strings.ReplaceAll(key, ".", "/")
	if strings.HasPrefix(path, "nf_conntrack_") {
		path = "net/netfilter/" + path
	}
	err := n.Do(func() error {
		return os.WriteFile(filepath.Join("/proc/sys", path), fmt.Append(nil, value), 0)
	})
	if err != nil {
		return fmt.Errorf("setting %s=%v in %s: %w", key, value, n.Name, err)
	}
	return nil
}

// Local makes every address of the range local to the namespace, so that one
// process can open connections between any two of them.
func (n *Netns) Local(t testing.TB, cidr string) {
	t.Helper()
	n.IP(t, family(t, cidr), "route", "add", "local", cidr, "dev", "lo")
	if family(t, cidr) == "-6" {
		// IPv6 sockets may bind any address of the range only with this.
		n.Sysctl(t, "net.ipv6.ip_nonlocal_bind", 1)
	}
}

// Route adds a route to cidr through the gateway via.
func (n *Netns) Route(t testing.TB, cidr, via string) {
	t.Helper()
	n.IP(t, family(t, cidr), "route", "add", cidr, "via", via)
}

// LosslessRoute is Route for a path that loses nothing, so that TCP of the
// namespace has no reason to send a segment again before it has waited for long.
// On a busy machine it would, and when the answer was only late, conntrack ignores
// what comes a second time: it belongs to a flow, but its counters leave it out,
// and no ledger of packets can tell. See DropRepeatedHandshakes for the others.
func (n *Netns) LosslessRoute(t testing.TB, cidr, via string) {
	t.Helper()
	n.Sysctl(t, "net.ipv4.tcp_early_retrans", 0) // no tail loss probes
	n.IP(t, family(t, cidr), "route", "add", cidr, "via", via, "rto_min", "20s")
}

// Link joins two namespaces by a veth pair and gives each end its addresses
// (CIDR, IPv4 or IPv6). It returns the names of both ends.
func Link(t testing.TB, a, b *Netns, aAddrs, bAddrs []string) (aDev, bDev string) {
	t.Helper()
	id := randomHex(4) // an interface's name has at most 15 bytes
	aDev, bDev = "va"+id, "vb"+id
	run(t, exec.Command(Tool("ip"), "link", "add", aDev, "netns", a.Name, "type", "veth", "peer", "name", bDev, "netns", b.Name))
	a.address(t, aDev, aAddrs)
	b.address(t, bDev, bAddrs)
	return aDev, bDev
}

func (n *Netns) address(t testing.TB, dev string, cidrs []string) {
	t.Helper()
	for _, cidr := range cidrs {
		args := []string{family(t, cidr), "addr", "add", cidr, "dev", dev}
		if family(t, cidr) == "-6" {
			args = append(args, "nodad") // usable at once
		}
		n.IP(t, args...)
	}
	n.IP(t, "link", "set", dev, "up")
}

// family returns the ip tool's switch for the address family of a CIDR.
func family(t testing.TB, cidr string) string {
	t.Helper()
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		t.Fatalf("parsing CIDR: %v", err)
	}
	if p.Addr().Is4() {
		return "-4"
	}
	return "-6"
}

func run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("running %v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
