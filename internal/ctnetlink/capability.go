package ctnetlink

import "golang.org/x/sys/unix"

// HasNetAdmin reports whether CAP_NET_ADMIN is in the effective set of the
// process. It is needed for every dump, not only at start.
func HasNetAdmin() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // 32 capabilities each
	if err := unix.Capget(&header, &data[0]); err != nil {
		return false
	}
	return data[0].Effective&(1<<unix.CAP_NET_ADMIN) != 0
}
