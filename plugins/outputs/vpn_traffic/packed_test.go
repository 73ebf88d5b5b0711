package vpn_traffic

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/reportfile"
)

func zipped(t *testing.T, text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := w.Write([]byte(text))
	require.NoError(t, errors.Join(err, w.Close()))
	return out.String()
}

func zstandard(t *testing.T, text string) string {
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return string(w.EncodeAll([]byte(text), nil))
}

// Files that are compressed are read. What is something else, or damaged, or holds
// nothing but bad lines, or too many of them, stays as it is, with the reason.
func testPacked(t *testing.T, dsn string, db *sql.DB) {
	s := newSink(t, dsn, t.TempDir())
	row := func(port int) string {
		return fmt.Sprintf("1500000000000000000,tcp,10.32.1.0,10.33.0.0,%d,1,2,3,4,5,6\n", port)
	}
	name := reportfile.FileName(time.Unix(1_700_000_000, 0), 1, 1, "gw9")
	s.drop(name+".gz", zipped(t, row(1)))
	s.drop("a.csv.zst", zstandard(t, row(2)+"nonsense\n"))
	aside := map[string]string{
		"bomb.csv.gz":    zipped(t, row(3)+strings.Repeat(strings.Repeat("x", 99)+"\n", 400_000)),
		"damaged.csv.gz": zipped(t, row(4))[:40],
		"a.csv.xz":       "\xfd7zXZ\x00rest",
		"zip.csv":        "PK\x03\x04\n\x00\n",
		"columns.csv":    "1500000000,10.32.1.0,10.33.0.0,tcp,80,1,2,3,4,5,6\n",
	}
	for name, text := range aside {
		s.drop(name, text)
	}
	s.drop("spreadsheet.csv", "\ufefftime_ns,proto,src,dst,port,src_packets,dst_packets,src_bytes,dst_bytes,connection_count,connection_times,\r\n"+
		`"`+strings.ReplaceAll(strings.TrimSuffix(row(6), "\n"), ",", `","`)+"\"\r\n"+strings.ReplaceAll(row(7), "\n", ",\r\n"))
	aside["semicolons.csv"] = strings.ReplaceAll(row(8), ",", ";")
	aside["wide.csv"] = "\xff\xfe1\x00,\x00"
	s.drop("semicolons.csv", aside["semicolons.csv"])
	s.drop("wide.csv", aside["wide.csv"])
	long := strings.Repeat("n", 251) + ".csv"
	s.drop(long, row(5)+"nonsense\n")
	pipe := filepath.Join(s.Spool, "new", "pipe.csv")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	folder, link := filepath.Join(s.Spool, "new", "folder"), filepath.Join(s.Spool, "new", "link.csv")
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.Symlink("/dev/zero", link))
	s.open()
	require.Eventually(t, func() bool { return len(s.files("new")) == 3 }, time.Minute, 10*time.Millisecond)
	s.close()
	require.Equal(t, []string{folder, link, pipe}, s.files("new"))
	require.Equal(t, "1gw9 2 3 5 6 7", query(t, db, `SELECT string_agg(port || host, ' ' ORDER BY port) FROM vpn_traffic`))
	for name, text := range aside {
		kept, err := os.ReadFile(filepath.Join(s.Spool, "rejected", name))
		require.NoError(t, err)
		require.Equal(t, text, string(kept), "%s is not as it was", name)
		_, err = os.Stat(filepath.Join(s.Spool, "rejected", name+".why"))
		require.NoError(t, err)
	}
	require.Len(t, s.files("rejected"), 2*len(aside)+2, s.files("rejected"))
	log := s.log.String()
	require.Equal(t, 1, strings.Count(log, "W! "+s.Spool+"/new holds what is not a regular file, which is ignored: \"folder\" (folder), \"link.csv\" (symbolic link), \"pipe.csv\" (named pipe); "), log)
	require.Contains(t, log, "E! set \"a.csv.xz\" aside as a whole in "+s.Spool+"/rejected: is compressed with xz: unxz it first; plain text, gzip and zstd are read\n")
	require.Contains(t, log, "E! set \"wide.csv\" aside as a whole in "+s.Spool+"/rejected: is UTF-16, not UTF-8: iconv -f UTF-16 -t UTF-8 makes text of it")
	require.Contains(t, log, "E! set \"semicolons.csv\" aside as a whole in "+s.Spool+"/rejected: no line of it is a row; line 1: has semicolons between its columns, not commas\n")
	require.Contains(t, log, "W! 2 rows of \"spreadsheet.csv\" have fewer than 20 bytes a packet, line 2 the first: are its columns in another order? They are time_ns,")
	require.Contains(t, log, "E! set \"columns.csv\" aside as a whole in "+s.Spool+"/rejected: no line of it is a row; line 1: proto is neither the name of a protocol nor its number, 0 to 255, but an address: the order of columns is time_ns,proto,src,")
	require.Contains(t, log, "E! set \"bomb.csv.gz\" aside as a whole in "+s.Spool+"/rejected: 400000 lines are not rows, more than are kept apart; the first: line 2: has 1 columns")
}
