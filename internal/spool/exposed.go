package spool

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"telegraf-conntrack-accounting/internal/check"
)

// Exposed finds out which folders of the spool others than root and this user own or may
// write to. Who may write there can have any rows stored, and take reports away.
func (s *Spool) Exposed() check.Finding { return s.exposed(userName(os.Geteuid())) }

func (s *Spool) exposed(to string) check.Finding {
	var folders []string
	for _, path := range Folders(s.dir) {
		if info, err := os.Stat(path); err == nil && isExposed(info, to) {
			folders = append(folders, fmt.Sprintf("%s (mode %04o, of %s)", path, info.Mode().Perm(), userName(owner(info))))
		}
	}
	trusted := "root and " + to
	if to == "root" {
		trusted = to
	}
	if folders == nil {
		return check.Okf("spool rights", "none but %s may write to the spool", trusted)
	}
	return check.Warnf("spool rights", "others than %s may write to %s: they can have any rows stored and take reports away", trusted, strings.Join(folders, ", ")).
		Run("chown -R %s %s && chmod -R go-w %[2]s", check.Quote(to), check.Quote(s.dir))
}

// isExposed reports whether others than root and the user own a folder or may write
// to it.
func isExposed(info os.FileInfo, to string) bool {
	const othersWrite = 0o022
	uid := owner(info)
	return uid != 0 && userName(uid) != to || info.Mode().Perm()&othersWrite != 0
}

func owner(info os.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return os.Geteuid()
}

func userName(uid int) string {
	if known, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return known.Username
	}
	return strconv.Itoa(uid)
}
