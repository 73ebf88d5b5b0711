package conntrack_accounting

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A one-shot dump logs what would keep the daemon from starting.
func TestOneShotLooksAtFolders(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		state, reports string
		says           []string
	}{
		{filepath.Join(dir, "state"), dir, nil},
		{filepath.Join(dir, "none", "state"), filepath.Join(dir, "new"), []string{"W! state_file: stat " + dir + "/none: no such file", "W! report_directory: stat " + dir + "/new: no such file"}},
		{dir, dir, []string{"W! state_file: " + dir + " is not a regular file"}},
		{filepath.Join(file, "state"), file, []string{"W! state_file: " + file + " is not a folder", "W! report_directory: " + file + " is not a folder"}},
	} {
		p, log := New(), &lines{}
		p.Log, p.StateFile, p.ReportDirectory = log, c.state, c.reports
		p.SetOneShot(true)
		require.NoError(t, p.Init())
		require.Len(t, log.text, len(c.says))
		for _, text := range c.says {
			require.Len(t, log.with(text), 1, "%v", log.text)
		}
	}
}
