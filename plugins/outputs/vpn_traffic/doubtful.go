package vpn_traffic

import (
	"time"

	"github.com/influxdata/telegraf/config"
	"golang.org/x/sys/unix"
)

const (
	// telegrafKills is when Telegraf kills its child, counted from the end of its
	// stdin.
	telegrafKills = 10 * time.Second

	// smallSpool holds less than one report of a large site: a number without a
	// unit is a number of bytes.
	smallSpool = config.Size(16 << 20)
)

// warnOfDoubtful says which options are allowed and hardly meant. The spool is there.
func (v *VPNTraffic) warnOfDoubtful() {
	if v.SpoolLimit < smallSpool {
		v.Log.Warnf(`spool_limit is %d bytes, which a single report can fill: give it a unit, as in "4GiB"`, v.SpoolLimit)
	}
	if timeout := time.Duration(v.CloseTimeout); timeout >= telegrafKills {
		v.Log.Warnf(`close_timeout is %v, but Telegraf kills its child after %v: set it to less, such as "4s"`, timeout, telegrafKills)
	}
	if inMemory(v.Spool) {
		v.Log.Warnf("spool: %s is in memory (tmpfs): reports that wait there are lost when the machine stops; name a folder on a disk", v.Spool)
	}
}

// inMemory reports whether a folder is on a file system without a disk.
func inMemory(folder string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(folder, &fs) == nil && (fs.Type == unix.TMPFS_MAGIC || fs.Type == unix.RAMFS_MAGIC)
}
