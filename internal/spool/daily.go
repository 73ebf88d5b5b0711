package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What Reject keeps is bounded: when everything that arrives is wrong, its
// beginning tells as much as all of it.
const (
	dailyLimit = 16 << 20 // bytes of a file
	dailyFiles = 4        // of a day
	dailyDays  = 14       // the last ones with anything to reject
)

// DailyLimit is how many bytes Reject keeps of a day.
const DailyLimit = dailyFiles * dailyLimit

// Reject keeps text, about things that never became part of a report, in the
// files of the day in rejected/. It returns the name of the last one, and false
// when they are full and the end of text was not kept.
func (s *Spool) Reject(now time.Time, text []byte) (name string, kept bool, err error) {
	s.rejecting.Lock()
	defer s.rejecting.Unlock()
	for n := 1; n <= dailyFiles; n++ {
		name = s.path(rejectedDir, dailyName(now, n))
		_, isNew := os.Lstat(name)
		taken, err := appendBounded(name, text, dailyLimit)
		if isNoRoom(err) && s.giveReserve() {
			taken, err = appendBounded(name, text, dailyLimit)
		}
		if err != nil && !isInTheWay(err) {
			return name, false, fmt.Errorf("keeping rejected metrics: %w", err)
		}
		if taken > 0 && isNew != nil {
			s.forgetDays()
		}
		if text = text[taken:]; len(text) == 0 {
			return name, true, nil
		}
	}
	return name, false, nil
}

// dailyName returns the name of the nth file of a day.
func dailyName(day time.Time, n int) string {
	name := "metrics-" + day.UTC().Format("20060102")
	if n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	return name + ".txt"
}

// errInTheWay says that something of that name is there which is not ours.
var errInTheWay = errors.New("is no regular file, or has another name, too")

// isInTheWay reports whether a file could not be opened for what somebody has put
// there: a link, a pipe, a folder, a file of his own.
func isInTheWay(err error) bool {
	return errors.Is(err, errInTheWay) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) ||
		errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EACCES)
}

// openOwn opens a file for writing, and makes it if need be. It does not follow a
// link that somebody has put there, nor wait for the reader of a pipe.
func openOwn(path string, flags int) (*os.File, os.FileInfo, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|flags, 0o640)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !isOwn(info) {
		err = fmt.Errorf("%s %w", path, errInTheWay)
	}
	if err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

// isOwn reports whether a file is what this package makes: neither a link, a pipe
// or a folder, nor a file that has a name elsewhere, too.
func isOwn(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return info.Mode().IsRegular() && ok && stat.Nlink == 1
}

// appendBounded appends text to a file, durably, as far as that does not become too
// large: whole entries, each of which begins with "# ". When it fails, the file is
// what it was.
func appendBounded(path string, text []byte, limit int64) (taken int, err error) {
	file, info, err := openOwn(path, os.O_APPEND)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	room := max(0, limit-info.Size())
	if int64(len(text)) > room {
		text = text[:bytes.LastIndex(text[:room], []byte("\n# "))+1]
	}
	if len(text) == 0 {
		return 0, nil
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync()); err != nil {
		_ = file.Truncate(info.Size())
		return 0, err
	}
	return len(text), nil
}

// forgetDays removes the files of the oldest days. One that cannot be removed
// is in nobody's way.
func (s *Spool) forgetDays() {
	const digits = "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]"
	root := os.DirFS(s.path(rejectedDir, ""))
	first, _ := fs.Glob(root, "metrics-"+digits+".txt")
	further, _ := fs.Glob(root, "metrics-"+digits+"-[2-9].txt")
	day := func(name string) string { return name[:len("metrics-20060102")] }
	files := slices.Concat(first, further)
	var days []string
	for _, name := range files {
		days = append(days, day(name))
	}
	slices.Sort(days)
	days = slices.Compact(days)
	if len(days) <= dailyDays {
		return
	}
	oldest := days[len(days)-dailyDays]
	for _, name := range files {
		if day(name) < oldest {
			_ = os.Remove(s.path(rejectedDir, name))
		}
	}
}
