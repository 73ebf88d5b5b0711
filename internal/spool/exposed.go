package spool

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Exposed says which folders of the spool others than root and this user own or may
// write to, and what to do about it; it returns "" where there is none. Who may write
// there can have any rows stored, and take reports away.
func (s *Spool) Exposed() string {
	var folders []string
	for _, name := range [...]string{"", newDir, processedDir, rejectedDir, laterDir} {
		path := filepath.Join(s.dir, name)
		if info, err := os.Stat(path); err == nil && isExposed(info) {
			folders = append(folders, fmt.Sprintf("%s (mode %04o, of %s)", path, info.Mode().Perm(), userName(owner(info))))
		}
	}
	if folders == nil {
		return ""
	}
	return fmt.Sprintf("others than root and this user may write to %s: they can have any rows stored and take reports away; chown -R %s %s && chmod -R go-w %s",
		strings.Join(folders, ", "), userName(os.Geteuid()), s.dir, s.dir)
}

func isExposed(info os.FileInfo) bool {
	const othersWrite = 0o022
	uid := owner(info)
	return uid != 0 && uid != os.Geteuid() || info.Mode().Perm()&othersWrite != 0
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
