package reportfile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// Whatever a file is called, what its name says can be said again; and whatever a
// host is called, it can be told from the name of its file.
func FuzzName(f *testing.F) {
	f.Add("1700000000000000000-12-000001_gw.csv", "gw", int64(1), 1, 1)
	f.Add("1700000000000000000-1-1_g%77.csv", "a b/ü_", int64(1<<62), 1<<22, 1_000_000)
	f.Fuzz(func(t *testing.T, file, host string, arrived int64, writer, seq int) {
		if name := reportfile.ParseName(file); !name.Arrived.IsZero() {
			require.NoError(t, reportfile.CheckHost(name.Host))
			require.Equal(t, name, reportfile.ParseName(reportfile.FileName(name.Arrived, 1, 1, name.Host)))
		}
		if reportfile.CheckHost(host) == nil && arrived >= 0 && writer >= 0 && seq >= 0 {
			at := time.Unix(0, arrived)
			name := reportfile.FileName(at, writer, seq, host)
			require.Equal(t, reportfile.Name{Arrived: at, Host: host}, reportfile.ParseName(name), name)
		}
	})
}
