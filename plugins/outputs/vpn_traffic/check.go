package vpn_traffic

import (
	"context"
	"time"

	"github.com/influxdata/telegraf/config"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/check"
	"telegraf-conntrack-accounting/internal/spool"
)

// Check finds out, after Init, what must hold for the sink, without changing anything:
// of the database and of the spool, which a user is to work with. importCommand imports
// the files that follow it.
func (v *VPNTraffic) Check(ctx context.Context, by check.User, importCommand string) []check.Finding {
	return check.All(
		ctx,
		check.Part{Name: "database", Find: v.checkDatabase},
		check.Part{Name: "spool", Find: func(context.Context) []check.Finding {
			return append(spool.Check(v.Spool, v.spoolOptions(), by, importCommand), v.doubtful()...)
		}},
	)
}

func (v *VPNTraffic) checkDatabase(ctx context.Context) []check.Finding {
	defer func() { _ = v.db.Close() }()
	found, takesRows := v.db.CheckHosts(ctx)
	if !takesRows {
		return found
	}
	return append(found, v.db.Check(ctx, v.Keep())...)
}

const (
	// telegrafKills is when Telegraf kills its child, counted from the end of its
	// stdin.
	telegrafKills = 10 * time.Second

	// smallSpool holds less than one report of a large site: a number without a
	// unit is a number of bytes.
	smallSpool = config.Size(16 << 20)
)

// doubtful finds options that are allowed and hardly meant.
func (v *VPNTraffic) doubtful() (found []check.Finding) {
	if v.SpoolLimit < smallSpool {
		found = append(found, check.Warnf("spool_limit", "spool_limit is %d bytes, which a single report can fill", v.SpoolLimit).Do(`give it a unit, as in "4GiB"`))
	}
	if timeout := time.Duration(v.CloseTimeout); timeout >= telegrafKills {
		found = append(found, check.Warnf("close_timeout", "close_timeout is %v, but Telegraf kills its child after %v", timeout, telegrafKills).Do(`set it to less, such as "4s"`))
	}
	if inMemory(v.Spool) {
		found = append(found, check.Warnf("spool disk", "spool: %s is in memory (tmpfs): reports that wait there are lost when the machine stops", v.Spool).Do("name a folder on a disk"))
	}
	return found
}

// inMemory reports whether a folder is on a file system without a disk.
func inMemory(folder string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(folder, &fs) != nil {
		return false
	}
	magic := uint32(fs.Type) // which is signed, and on processors of 32 bits no larger
	return magic == unix.TMPFS_MAGIC || magic == unix.RAMFS_MAGIC
}
