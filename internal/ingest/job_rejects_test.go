package ingest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/reportfile"
)

// A small file that is compressed can hold any number of short lines: what is said
// of each counts, too.
func TestTheFileOfRejectedLinesIsBounded(t *testing.T) {
	const most, lines = 4 << 20, 200_000
	path := filepath.Join(t.TempDir(), "bad.csv")
	r, err := newRejects(path)
	require.NoError(t, err)
	var show bytes.Buffer
	r.show, r.report.most = &show, most
	forged := errors.New("pq: because\n1700000000000000000,tcp,10.0.0.1,10.0.0.2,443,1,1,1,1,0,0")
	require.NoError(t, r.add("a.csv", &reportfile.BadLine{Number: 1, Text: "x", Reason: forged}, false))
	for n := range lines {
		require.NoError(t, r.add("bomb.csv.gz", &reportfile.BadLine{Number: n, Text: "x", Reason: errors.New("has 1 columns, not 11, 12 or 14")}, false))
	}
	require.NoError(t, r.close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(text, []byte("# a.csv:1: pq: because 17000")), "a reason is a line")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.LessOrEqual(t, info.Size(), int64(most))
	require.Greater(t, info.Size(), int64(most-1000))
	require.Equal(t, 1, strings.Count(show.String(), path+" has 4 MiB and takes no more: what is rejected from here on is only counted\n"))
}
