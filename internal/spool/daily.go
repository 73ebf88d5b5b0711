package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// What Reject keeps is bounded: when everything that arrives is wrong, its
// beginning tells as much as all of it.
const (
	dailyLimit = 16 << 20 // bytes of a day's file
	dailyFiles = 14       // the last days with anything to reject
)

// Reject keeps text, about things that never became part of a report, in the
// file of the day in rejected/. It returns the file's name, and false when the
// file is full and text was not kept.
func (s *Spool) Reject(now time.Time, text []byte) (name string, kept bool, err error) {
	name = s.path(rejectedDir, "metrics-"+now.UTC().Format("20060102")+".txt")
	_, newDay := os.Lstat(name)
	kept, err = appendBounded(name, text, dailyLimit)
	if isNoRoom(err) && s.giveReserve() {
		kept, err = appendBounded(name, text, dailyLimit)
	}
	if err != nil {
		return name, false, fmt.Errorf("keeping rejected metrics: %w", err)
	}
	if newDay != nil {
		s.forgetDays()
	}
	return name, kept, nil
}

// appendBounded appends text to a file, durably, unless the file would become
// too large. When it fails, the file is what it was.
func appendBounded(path string, text []byte, limit int64) (done bool, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o640)
	if err != nil {
		return false, err
	}
	info, err := file.Stat()
	if err != nil || info.Size()+int64(len(text)) > limit {
		return false, errors.Join(err, file.Close())
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync()); err != nil {
		_ = file.Truncate(info.Size())
	}
	return err == nil, errors.Join(err, file.Close())
}

// forgetDays removes the files of the oldest days. One that cannot be removed
// is in nobody's way.
func (s *Spool) forgetDays() {
	const digits = "[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]"
	days, _ := fs.Glob(os.DirFS(s.path(rejectedDir, "")), "metrics-"+digits+".txt")
	slices.Sort(days)
	for _, day := range days[:max(0, len(days)-dailyFiles)] {
		_ = os.Remove(s.path(rejectedDir, day))
	}
}
