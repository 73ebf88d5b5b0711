// Peers does with conntrack what others do: it dumps the table once by another
// way than ours and prints what that took, or joins event groups and discards
// what comes.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/ti-mo/conntrack"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// cost is what a dump took.
type cost struct {
	Wall, CPU time.Duration
	Allocs    uint64
	PeakKiB   int
	Flows     int
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "listen" {
		return listen(nil, 1, 2, 3) // NEW, UPDATE, DESTROY
	}
	if len(args) == 1 && args[0] == "drop" {
		return listen(&unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}, 2, 3) // UPDATE, DESTROY
	}
	dumps := map[string]func() (int, error){"receive": receive, "ti-mo": timo, "vishvananda": vishvananda}
	if len(args) != 1 || dumps[args[0]] == nil {
		return errors.New("want receive, ti-mo, vishvananda, listen or drop")
	}
	c, err := measure(dumps[args[0]])
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c)
}

func measure(dump func() (int, error)) (c cost, err error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start, cpu := time.Now(), cpuTime()
	c.Flows, err = dump()
	c.Wall, c.CPU = time.Since(start), cpuTime()-cpu
	runtime.ReadMemStats(&after)
	c.Allocs = after.Mallocs - before.Mallocs
	return c, errors.Join(err, c.readPeak())
}

func cpuTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (c *cost) readPeak() error {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	_, err = fmt.Sscan(peak, &c.PeakKiB)
	return err
}

// receive asks for a dump and reads it without a look at the flows, but for
// their number: nothing can be faster.
func receive() (flows int, err error) {
	fd, err := socket()
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	request := binary.NativeEndian.AppendUint32(nil, 20)
	request = binary.NativeEndian.AppendUint16(request, unix.NFNL_SUBSYS_CTNETLINK<<8|1) // IPCTNL_MSG_CT_GET
	request = binary.NativeEndian.AppendUint16(request, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request = append(request, 1, 0, 0, 0, 0, 0, 0, 0, unix.AF_UNSPEC, unix.NFNETLINK_V0, 0, 0)
	if _, err := unix.Write(fd, request); err != nil {
		return 0, err
	}
	for buffer := make([]byte, 32<<10); ; {
		n, err := unix.Read(fd, buffer)
		if err != nil {
			return flows, err
		}
		for b := buffer[:n]; len(b) > 0; {
			if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_DONE {
				return flows, nil
			}
			flows++
			b = b[min(int(binary.NativeEndian.Uint32(b)+3)&^3, len(b)):]
		}
	}
}

func socket() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return -1, err
	}
	return fd, unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

func timo() (int, error) {
	conn, err := conntrack.Dial(nil)
	if err != nil {
		return 0, err
	}
	flows, err := conn.Dump(nil)
	return len(flows), errors.Join(err, conn.Close())
}

func vishvananda() (int, error) {
	flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	return len(flows), err
}

// listen joins the groups, says so, and reads what the filter passes until it is
// killed.
func listen(filter *unix.SockFilter, groups ...int) error {
	fd, err := socket()
	if err != nil {
		return err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	if filter != nil {
		err = errors.Join(err, unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: filter}))
	}
	for _, group := range groups {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group))
	}
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for buffer := make([]byte, 32<<10); ; {
		if _, err := unix.Read(fd, buffer); err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
