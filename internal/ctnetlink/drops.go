package ctnetlink

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"

	"github.com/ti-mo/netfilter"
	"golang.org/x/sys/unix"
)

// destroyGroup is the DESTROY group in the column Groups of /proc/net/netlink.
const destroyGroup = 1 << (netfilter.GroupCTDestroy - 1)

// openSockets opens the kernel's list of all netlink sockets of a namespace.
func openSockets(ns *Namespace) (list *os.File, err error) {
	err = ns.Do(func() error {
		list, err = os.Open("/proc/thread-self/net/netlink")
		return err
	})
	return list, err
}

// OthersDrops returns how many messages did not fit into the receive buffers of all
// other sockets of the namespace that listen for DESTROY events, in any process. The
// kernel can have repeated events to this listener only if the number changed. It
// changes when other listeners for reliable events are behind, and once when this
// listener replaces its socket, since events can come on both.
func (l *Listener) OthersDrops() (uint64, error) {
	own, err := l.socket.inode()
	if err != nil {
		return 0, fmt.Errorf("identifying the socket for DESTROY events: %w", err)
	}
	sum, err := sumDrops(io.NewSectionReader(l.sockets, 0, math.MaxInt64), own)
	if err != nil {
		return 0, fmt.Errorf("reading the other listeners for DESTROY events: %w", err)
	}
	return sum + l.reopened.Load(), nil
}

// sumDrops adds up the column Drops of the sockets in the DESTROY group, without our own,
// which it knows by its inode. The columns are sk, Eth, Pid, Groups, Rmem, Wmem, Dump, Locks, Drops
// and Inode.
func sumDrops(r io.Reader, own uint64) (sum uint64, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := bytes.Fields(lines.Bytes())
		if len(f) < 10 || string(f[1]) != strconv.Itoa(unix.NETLINK_NETFILTER) {
			continue
		}
		groups, err := strconv.ParseUint(string(f[3]), 16, 32)
		if err != nil {
			return 0, err
		}
		inode, err := strconv.ParseUint(string(f[9]), 10, 64)
		if err != nil {
			return 0, err
		}
		if groups&destroyGroup == 0 || inode == own {
			continue
		}
		drops, err := strconv.ParseUint(string(f[8]), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += drops
	}
	return sum, lines.Err()
}
