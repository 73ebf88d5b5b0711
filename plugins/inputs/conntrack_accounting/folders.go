package conntrack_accounting

import (
	"os"
	"path/filepath"
)

// warnOfFolders looks at the folders that a single look at the table does not use,
// for "telegraf --test" is how a configuration is tried out.
func (p *Plugin) warnOfFolders() error {
	if !p.oneShot {
		return nil
	}
	if p.StateFile != "" {
		p.warnOfFolder("state_file", filepath.Dir(p.StateFile))
		if info, err := os.Lstat(p.StateFile); err == nil && !info.Mode().IsRegular() {
			p.Log.Warnf("state_file: %s is no regular file: accounting will not start", p.StateFile)
		}
	}
	if p.ReportDirectory != "" {
		p.warnOfFolder("report_directory", p.ReportDirectory)
	}
	return nil
}

func (p *Plugin) warnOfFolder(option, folder string) {
	switch info, err := os.Stat(folder); {
	case err != nil:
		p.Log.Warnf("%s: %v: without that folder, accounting will not start", option, err)
	case !info.IsDir():
		p.Log.Warnf("%s: %s is no folder: accounting will not start", option, folder)
	}
}
