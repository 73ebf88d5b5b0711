package vpn_traffic

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"
)

// never is longer than any test: what happens did not wait for it.
const never = time.Hour

func TestTheSpoolOfASink(t *testing.T) {
	fresh := schemas(t)
	for name, test := range map[string]func(*testing.T, string, *sql.DB){
		"Told":       testTold,
		"Replaced":   testReplaced,
		"Trimmed":    testTrimmed,
		"TellsOfOld": testTellsOfOld,
		"Stuck":      testStuck,
		"Days":       testDays,
		"Ending":     testEnding,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn, db := fresh(t)
			test(t, dsn, db)
		})
	}
}

// testTold has files imported that nothing but an event tells of.
func testTold(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	s.scan = never
	s.open()
	const row = "1500000000000000000,tcp,10.32.1.0,10.33.0.0,%d,1,2,30,40,5,6\n"
	outside := filepath.Join(s.Spool, "outside")
	for port, name := range []string{"1500000000000000000-1-000001_gw.csv", "foreign.csv"} {
		require.NoError(t, os.WriteFile(outside, fmt.Appendf(nil, row, port), 0o600))
		require.NoError(t, os.Rename(outside, filepath.Join(s.Spool, "new", name)))
		s.drained()
	}
	slow, err := os.Create(filepath.Join(s.Spool, "new", "in place.csv"))
	require.NoError(t, err)
	_, err = fmt.Fprintf(slow, row, 22)
	require.NoError(t, err)
	require.NoError(t, slow.Close())
	s.drained()
	s.close()
	require.Equal(t, "3, 3", query(t, db, exact))
	require.NotContains(t, s.log.String(), "W! ")
}

// testReplaced takes new/ away, and the watch over it: looking goes on.
func testReplaced(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	s.scan = never
	s.open()
	s.write(reports("gw", noon, 1)...)
	s.drained()
	require.NoError(t, os.Rename(filepath.Join(s.Spool, "new"), filepath.Join(s.Spool, "old")))
	require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "looking for new files every 1s instead") }, time.Minute, 10*time.Millisecond)
	require.NoError(t, os.Mkdir(filepath.Join(s.Spool, "new"), 0o700))
	s.drop("a.csv", "1500000000000000000,tcp,10.32.1.0,10.33.0.0,443,1,2,3,4,5,6\n")
	s.drained()
	s.close()
	require.Equal(t, "2, 2", query(t, db, exact))
	require.Equal(t, 1, strings.Count(s.log.String(), "looking for new files"), "logged once")
}

func testTrimmed(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	s.Archive, s.ArchiveMaxSize = true, 4<<10
	s.open()
	for i := range 20 {
		s.write(reports("gw", noon.Add(time.Duration(i)*time.Minute), 10)...)
		s.drained()
	}
	s.close()
	require.Equal(t, "200, 200", query(t, db, exact))
	var size int64
	archived := s.files("processed")
	for _, file := range archived {
		info, err := os.Stat(file)
		require.NoError(t, err)
		size += info.Size()
	}
	require.Less(t, size, int64(s.ArchiveMaxSize))
	require.NotEmpty(t, archived)
	require.Contains(t, s.log.String(), fmt.Sprintf("I! deleted the oldest %d files from %s/processed, to keep to archive_max_age and archive_max_size (",
		20-len(archived), s.Spool))
	require.Contains(t, s.log.String(), fmt.Sprintf("; %d files (%d bytes) are left\n", len(archived), size))
}

// testTellsOfOld starts with files that somebody has to look at.
func testTellsOfOld(t *testing.T, dsn string, _ *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	rejected := filepath.Join(s.Spool, "rejected")
	require.NoError(t, os.MkdirAll(rejected, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(rejected, "a.csv"), []byte("# line 1: x\nbad\n"), 0o600))
	s.open()
	s.close()
	require.Contains(t, s.log.String(), "I! "+rejected+" holds 1 files (16 bytes): each says why; ")
}

// A report that brings a row of each of many past days makes few partitions; what is
// beyond is kept. The next report brings what it may.
func testDays(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	const days = 400
	var text strings.Builder
	for n := range days {
		fmt.Fprintf(&text, "%d,tcp,10.32.1.0,10.33.0.0,443,1,2,3,4,5,6\n", noon.AddDate(0, 0, n-days).UnixNano())
	}
	s.drop("a.csv", text.String())
	s.drop("b.csv", fmt.Sprintf("%d,tcp,10.32.1.0,10.33.0.0,443,1,2,3,4,5,6\n", noon.UnixNano()))
	s.open()
	s.drained()
	s.close()
	require.Equal(t, "32, 32", query(t, db, exact))
	require.Equal(t, "32", query(t, db, `SELECT count(*) FROM vpn_traffic_partitions WHERE parent = 'vpn_traffic' AND first < current_date`))
	kept, err := os.ReadFile(s.files("rejected")[0])
	require.NoError(t, err)
	require.Equal(t, days-31, strings.Count(string(kept), "# line "))
	require.Contains(t, s.log.String(), `W! "a.csv" has lines that are not rows (line 32: of 2022-11-10, beyond the 31 days of the past that one file may bring`)
}

// An end that breaks off what waits for somebody's lock is no trouble.
func testEnding(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	s.CloseTimeout = config.Duration(100 * time.Millisecond)
	s.open()
	s.write(reports("gw", noon, 1)...)
	s.drained()
	reader, err := db.Begin()
	require.NoError(t, err)
	defer func() { _ = reader.Rollback() }()
	_, err = reader.Exec(`LOCK TABLE sink_status`)
	require.NoError(t, err)
	s.close()
	require.NotContains(t, s.log.String(), "cannot keep up")
}
