package vpn_traffic

import (
	"database/sql"
	"net"
	"testing"
	"time"

	"github.com/influxdata/telegraf/config"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// testClosing ends a sink while somebody holds the tables: close_timeout is kept to, and
// what waits is stored at the next start.
func testClosing(t *testing.T, dsn string, db *sql.DB) {
	dir := t.TempDir()
	s := newSink(t, dsn, dir).open()
	s.write(reports("gw", noon, 10)...)
	s.drained()
	s.close()
	holder, err := db.Begin()
	require.NoError(t, err)
	_, err = holder.Exec(`LOCK TABLE vpn_traffic_reports IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	s = newSink(t, dsn, dir)
	s.requireClosesInTime()
	require.Len(t, s.files("new"), 1)
	require.NoError(t, holder.Rollback())
	s = newSink(t, dsn, dir).open()
	s.drained()
	s.close()
	require.Equal(t, "20, 20", query(t, db, exact))
	testkit.RequireExact(t, db)
}

// A server that takes connections and never says a word keeps nobody from ending.
func TestClosingWithAServerThatIsMute(t *testing.T) {
	t.Parallel()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = mute.Close() }()
	host, port, err := net.SplitHostPort(mute.Addr().String())
	require.NoError(t, err)
	s := newSink(t, "dbname=vpn user=postgres host="+host+" port="+port, t.TempDir())
	s.requireClosesInTime()
	require.Len(t, s.files("new"), 1)
}

func (s *sink) requireClosesInTime() {
	s.t.Helper()
	s.CloseTimeout = config.Duration(100 * time.Millisecond)
	s.open()
	s.write(reports("gw", noon.Add(time.Minute), 10)...)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }() // ends: that is what is tested
	select {
	case err := <-closed:
		require.NoError(s.t, err)
	case <-time.After(30 * time.Second): // a minute, or for ever, without
		require.Fail(s.t, "still closing")
	}
}
