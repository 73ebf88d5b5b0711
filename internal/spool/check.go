package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"telegraf-conntrack-accounting/internal/check"
)

// Check finds out, without changing anything, whether a user can work with a spool, and
// what in it somebody has to look at. importCommand imports the files that follow it.
func Check(dir string, options Options, by check.User, importCommand string) []check.Finding {
	s := &Spool{dir: dir, options: options}
	folder := by.Folder("spool", dir)
	if folder.Level != check.OK {
		return []check.Finding{folder}
	}
	found := []check.Finding{folder}
	for _, path := range Folders(dir)[1:] {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue // Open makes it
		}
		if f := by.Folder("spool", path); f.Level != check.OK {
			return append(found, f)
		}
	}
	found = append(found, s.exposed(by.Name), s.checkRoom())
	return append(found, s.checkLeft("rejected", rejectedDir, importCommand), s.checkLeft("later", laterDir, ""))
}

// checkRoom compares what waits with the limit, and the rest with the disk.
func (s *Spool) checkRoom() check.Finding {
	waiting, err := s.countIfThere(newDir)
	later, laterErr := s.countIfThere(laterDir)
	if err = errors.Join(err, laterErr); err != nil {
		return check.Failf("room", "what waits cannot be counted: %v", err)
	}
	waiting.plus(later)
	free := check.Free(s.dir)
	switch rest := s.options.Limit - waiting.Bytes; {
	case rest <= 0:
		return check.Failf("room", "the spool is full: %d reports wait, with %s, and spool_limit is %s", waiting.Files, check.Size(waiting.Bytes), check.Size(s.options.Limit)).
			Do("let the sink into Postgres, as it then empties itself, or raise spool_limit")
	case free < s.options.Reserve:
		return check.Failf("room", "the disk of %s is full: %s free", s.dir, check.Size(free)).Do("free some space on it, or move the spool to another").Run("df -h %s", check.Quote(s.dir))
	case free < rest:
		return check.Warnf("room", "the disk of %s has %s free, less than the %s that spool_limit still allows: it gets full before the spool does", s.dir, check.Size(free), check.Size(rest)).
			Do("free some space on it, lower spool_limit, or move the spool to another")
	}
	return check.Okf("room", "%d reports wait, with %s; spool_limit is %s, and the disk has %s free", waiting.Files, check.Size(waiting.Bytes), check.Size(s.options.Limit), check.Size(free))
}

// checkLeft finds out whether somebody has to look into a folder.
func (s *Spool) checkLeft(name, folder, command string) check.Finding {
	there, err := s.countIfThere(folder)
	path := s.path(folder, "")
	switch {
	case err != nil:
		return check.Failf(name, "%v", err)
	case there.Files == 0:
		return check.Okf(name, "%s is empty", path)
	case command == "":
		return check.Warnf(name, "%d files in %s hold rows that the database does not take: each says why above its rows; they are tried again every ten minutes", there.Files, path).
			Do("see why").Run("grep -rh '^#' %s | sort | uniq -c", check.Quote(path))
	}
	return check.Warnf(name, "%d files with %s are in %s, and nothing of them is stored: each says why", there.Files, check.Size(there.Bytes), path).
		Do("mend what it says, import the files, and delete them").
		Run("find %s -type f ! -name '*%s' -exec %s {} +", check.Quote(path), whySuffix, command)
}

func (s *Spool) countIfThere(folder string) (Count, error) {
	n, err := s.count(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return Count{}, nil
	}
	return n, err
}

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
