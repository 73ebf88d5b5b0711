package conntrack_accounting

import (
	"fmt"
	"os"
	"time"

	"github.com/influxdata/telegraf"

	"telegraf-conntrack-accounting/internal/textfile"
)

// listFile is a file of an option that is read again when it changes.
type listFile struct {
	option, path string // both empty: no file
	holds        string // what it lists, for messages

	modified time.Time // of what was read last; zero while it cannot be read
	size     int64
}

// read passes the file's text to parse. Errors name the option and the file.
func (f *listFile) read(parse func(text []byte) error) error {
	file, err := textfile.Read(f.path)
	if file.Info != nil {
		f.modified, f.size = file.Info.ModTime(), file.Info.Size()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.option, err)
	}
	if err := parse(file.Text); err != nil {
		return fmt.Errorf("%s: %s: %w", f.option, f.path, err)
	}
	return nil
}

// reload calls load once the file has changed. If that fails, the list that was read
// before stays in use, and one warning is logged for each change.
func (f *listFile) reload(log telegraf.Logger, load func() error) {
	if f.path == "" {
		return
	}
	info, err := os.Stat(f.path)
	switch {
	case err == nil && info.ModTime().Equal(f.modified) && info.Size() == f.size:
		return
	case err == nil:
		f.modified, f.size = info.ModTime(), info.Size()
		err = load()
	case f.modified.IsZero():
		return // logged already
	default:
		f.modified, f.size = time.Time{}, 0
		err = fmt.Errorf("%s: %w", f.option, err)
	}
	if err != nil {
		log.Warnf("%v: keeping the %s read before", err, f.holds)
	}
}
