package ctnetlink

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Identity returns a text that identifies the namespace in this boot: the device and
// inode of its file, and its cookie. Inodes are reused after a namespace is gone. Cookies
// never are, but the kernel has them since Linux 5.14 only.
func (n *Namespace) Identity() (string, error) {
	var stat unix.Stat_t
	var cookie uint64
	err := n.Do(func() (err error) {
		if err := unix.Stat("/proc/thread-self/ns/net", &stat); err != nil {
			return err
		}
		cookie, err = netnsCookie()
		return err
	})
	if err != nil {
		return "", fmt.Errorf("identifying the network namespace: %w", err)
	}
	return fmt.Sprintf("net:[%d:%d:%d]", stat.Dev, stat.Ino, cookie), nil
}

// netnsCookie returns the cookie of the namespace that the thread is in, 0
// where the kernel has none.
func netnsCookie() (uint64, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		err = nil
	}
	return cookie, errors.Join(err, unix.Close(fd))
}
