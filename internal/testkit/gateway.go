package testkit

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Pipe makes a pipe that never ends, and returns what a telegraf.conf says to have
// Telegraf read the metrics that a test writes into it.
func Pipe(t testing.TB) (pipe *os.File, input string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	pipe, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = pipe.Close() })
	return pipe, fmt.Sprintf("[[inputs.execd]]\n  command = [\"cat\", %q]\n  signal = \"none\"\n  data_format = \"influx\"\n", path)
}

// HostSums is what vpn_traffic has, or should have, of a gateway.
type HostSums struct{ Rows, SrcBytes, DstBytes int }

// SumsByHost adds up vpn_traffic.
func SumsByHost(db *sql.DB) (map[string]HostSums, error) {
	rows, err := db.Query("SELECT host, count(*), sum(src_bytes), sum(dst_bytes) FROM vpn_traffic GROUP BY host")
	if err != nil {
		return nil, fmt.Errorf("adding up what is stored: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := make(map[string]HostSums)
	for rows.Next() {
		var host string
		var of HostSums
		if err := rows.Scan(&host, &of.Rows, &of.SrcBytes, &of.DstBytes); err != nil {
			return nil, fmt.Errorf("adding up what is stored: %w", err)
		}
		all[host] = of
	}
	return all, rows.Err()
}
