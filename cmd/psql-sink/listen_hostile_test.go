package main

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Clients do what they should not, all at once. It takes little memory, and others deliver
// meanwhile.
func TestListenIsAttacked(t *testing.T) {
	testkit.Trial(t)
	t.Parallel()
	pg := testkit.Database(t)
	l := listen(t, pg.DSN(), `max_body = "1MiB"`)
	sink := l.start(nil, "listen")
	l.pings()
	at, good := fmt.Sprint(epoch), 0
	deliver := func(after string) {
		t.Helper()
		require.Equal(t, http.StatusNoContent, l.try(l.local, "http://sink/api/v2/write", row("gw", good, at), nil).StatusCode, after)
		good++
	}
	slow := l.dial("127.0.0.3", l.url)
	_, err := io.WriteString(slow, "POST /api/v2/write HTTP/1.1\r\nHost: si")
	require.NoError(t, err)
	for name, attack := range map[string]func(){
		"bombs": l.bombs, "bodies without an end": l.endless, "huge lines": l.hugeLines, "paths": l.paths,
		"slow bodies": l.slowBodies, "connections": l.manyConnections,
	} {
		begin := time.Now()
		attack()
		deliver(name)
		t.Logf("%s: %v", name, time.Since(begin).Round(time.Millisecond))
	}
	require.NoError(t, sink.Process.Signal(syscall.SIGHUP))
	l.logs("SIGHUP: clients_file and the files of TLS are read again whenever they change")
	hosts := l.manyHosts(at)
	deliver("a batch of many hosts")
	require.NoError(t, slow.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err = io.Copy(io.Discard, slow)
	require.NoError(t, err, "a request without an end of its headers is closed")

	memory := resident(sink.Process.Pid) >> 20
	t.Logf("%d MiB resident at most", memory)
	require.Less(t, memory, 128)
	end(t, sink)
	l.finish()
	var gw, others int
	require.NoError(t, pg.DB().QueryRow("SELECT count(*) FILTER (WHERE host = 'gw'), count(*) FILTER (WHERE host LIKE 'site-%') FROM vpn_traffic").Scan(&gw, &others))
	require.Equal(t, []int{good, hosts}, []int{gw, others})
	testkit.RequireExact(t, pg.DB())
}

// pings waits until the program listens.
func (l *listening) pings() {
	l.t.Helper()
	require.Eventually(l.t, func() bool { return l.try(l.local, "http://sink/ping", "", nil).StatusCode == http.StatusNoContent }, time.Minute, 10*time.Millisecond)
}

// dial connects from an address of loopback to an URL's, without TLS or with it.
func (l *listening) dial(from, url string) net.Conn {
	l.t.Helper()
	scheme, to, _ := strings.Cut(url, "://")
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).Dial("tcp", to)
	require.NoError(l.t, err)
	l.t.Cleanup(func() { _ = conn.Close() })
	if scheme == "https" {
		conn = tls.Client(conn, l.client.Transport.(*http.Transport).TLSClientConfig.Clone())
	}
	return conn
}

// bombs are a quarter of a megabyte that unpacks to a thousand times as much, and a stream
// that is no gzip.
func (l *listening) bombs() {
	l.t.Helper()
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	zeros := make([]byte, 1<<20)
	for range 256 {
		_, _ = zip.Write(zeros)
	}
	require.NoError(l.t, zip.Close())
	gzipped := http.Header{"Content-Encoding": {"gzip"}}
	require.Equal(l.t, http.StatusRequestEntityTooLarge, l.try(l.local, "http://sink/api/v2/write", packed.String(), gzipped).StatusCode)
	require.Equal(l.t, http.StatusNoContent, l.try(l.local, "http://sink/write", packed.String(), gzipped).StatusCode, "one line, which is rejected")
	require.Equal(l.t, http.StatusServiceUnavailable, l.try(l.local, "http://sink/write", packed.String()[:10_000], gzipped).StatusCode)
	require.Equal(l.t, http.StatusServiceUnavailable, l.try(l.local, "http://sink/write", "no gzip", gzipped).StatusCode)
}

// endless sends a body in chunks that never end.
func (l *listening) endless() {
	l.t.Helper()
	line := []byte(row("gw", 0, "1") + strings.Repeat("#", 1<<16) + "\n")
	body, into := io.Pipe()
	go func() { // until the server closes the connection, and so the client the pipe
		for {
			if _, err := into.Write(line); err != nil {
				return
			}
		}
	}()
	response, err := l.local.Post("http://sink/api/v2/write", "", body)
	_ = body.Close()
	if err == nil { // a client that writes on may not see the answer
		require.Equal(l.t, http.StatusRequestEntityTooLarge, response.StatusCode)
		_ = response.Body.Close()
	}
}

// hugeLines are lines of many bytes, and of many tags, each of which is compared with all.
func (l *listening) hugeLines() {
	l.t.Helper()
	var tags strings.Builder
	for n := range 100_000 {
		fmt.Fprintf(&tags, ",%06d=1", n)
	}
	begin := time.Now()
	for _, line := range []string{
		"conntrack_accounting" + tags.String() + " f=1 1\n", "conntrack_accounting f=1" + tags.String() + " 1\n",
		strings.Repeat("x", 3<<20) + "\n", "a f=\"" + strings.Repeat("\n", 3<<20) + "\n",
	} {
		answer := l.try(l.local, "http://sink/write", line, nil)
		require.Equal(l.t, http.StatusNoContent, answer.StatusCode)
		require.Equal(l.t, "1", answer.Header.Get("X-Psql-Sink-Rejected"))
	}
	require.Less(l.t, time.Since(begin), time.Minute, "without a bound of tags it takes several")
	require.Contains(l.t, l.rejected(), "has more than 1000 tags and fields")
}

// paths would lead out of the spool, or to other handlers.
func (l *listening) paths() {
	l.t.Helper()
	around := func() []os.DirEntry {
		found, err := os.ReadDir(filepath.Dir(l.spool))
		require.NoError(l.t, err)
		return found
	}
	before := len(around())
	for _, host := range []string{"..", "../up", "../../up", "/up", "a/../../../up", `..\up`, "%2e%2e%2fup"} {
		require.Equal(l.t, http.StatusNoContent, l.try(l.local, "http://sink/write", row(host, 0, "1"), nil).StatusCode, host)
	}
	require.Len(l.t, around(), before)
	for _, path := range []string{"/", "/etc/passwd", "/../../etc/passwd", "/debug/pprof/", "/write/x", "/api/v2/query"} {
		response, err := l.local.Get("http://sink" + path)
		require.NoError(l.t, err)
		_ = response.Body.Close()
		require.Contains(l.t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, response.StatusCode, path)
	}
}

// slowBodies keeps all requests busy that a client may have, each with as much memory as it
// can, and not those of others.
func (l *listening) slowBodies() {
	l.t.Helper()
	head := fmt.Sprintf("POST /write HTTP/1.1\r\nHost: sink\r\nAuthorization: Token %s\r\nContent-Length: 10000000\r\n\r\n", token)
	held := strings.Repeat("a f=\""+strings.Repeat("x", 4000)+"\" 1\n", 250) + strings.Repeat("x", 1_000_000)
	known := http.Header{"Authorization": {"Token " + token}}
	var conns []net.Conn
	require.Eventually(l.t, func() bool {
		// One more each time: the request that looks has a place, too, and may have cost one.
		conn := l.dial("127.0.0.1", l.plain)
		conns = append(conns, conn)
		_, _ = io.WriteString(conn, head+held) // one too many is closed
		answer := l.try(l.client, l.url+"/api/v2/write", "", known)
		return answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") != ""
	}, time.Minute, 10*time.Millisecond)
	for _, conn := range conns {
		_ = conn.Close()
	}
	require.Eventually(l.t, func() bool {
		return l.try(l.client, l.url+"/api/v2/write", "", known).StatusCode == http.StatusNoContent
	}, time.Minute, 10*time.Millisecond)
}

// manyConnections come from one address. Another one is served.
func (l *listening) manyConnections() {
	l.t.Helper()
	_, to, _ := strings.Cut(l.url, "://")
	var conns []net.Conn
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}, Timeout: time.Minute}
	for range 10_000 {
		if conn, err := from.Dial("tcp", to); err == nil {
			conns = append(conns, conn)
		}
	}
	l.logs("client at 127.0.0.2 is refused: too many connections at once: further ones are closed")
	l.client.CloseIdleConnections() // so that it needs another
	answer := l.try(l.client, l.url+"/api/v2/write", "", http.Header{"Authorization": {"Token " + token}})
	require.Equal(l.t, http.StatusNoContent, answer.StatusCode)
	for _, conn := range conns {
		_ = conn.Close()
	}
}

// manyHosts sends a batch in which each row is of another gateway.
func (l *listening) manyHosts(at string) (hosts int) {
	l.t.Helper()
	const most = 1000
	var body strings.Builder
	for n := range most {
		body.WriteString(row(fmt.Sprintf("site-%d", n), n, at))
	}
	require.Equal(l.t, http.StatusNoContent, l.try(l.local, "http://sink/write", body.String(), nil).StatusCode)
	return most
}

// While the disk of the spool is full, nothing is acknowledged. When it has room, what was
// refused comes again, and is there once.
func TestListenOnAFullDisk(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	l := listen(t, pg.DSN(), "")
	disk := testkit.NewDisk(t, 64<<20)
	text, err := os.ReadFile(l.config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(l.config, bytes.ReplaceAll(text, []byte(l.spool), []byte(filepath.Join(disk.Path(), "spool"))), 0o600))
	l.spool = filepath.Join(disk.Path(), "spool")
	sink := l.start(nil, "listen")
	l.pings()
	filler := disk.Fill(0)
	var body strings.Builder
	const rows = 20_000
	for n := range rows {
		body.WriteString(row("gw", n, fmt.Sprint(epoch)))
	}
	for _, path := range []string{"/write", "/api/v2/write"} {
		answer := l.try(l.local, "http://sink"+path, body.String(), nil)
		require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode, path)
		require.NotEmpty(t, answer.Header.Get("Retry-After"))
	}
	health, err := l.local.Get("http://sink/health")
	require.NoError(t, err)
	_ = health.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, health.StatusCode)
	require.NoError(t, os.Remove(filler))
	require.Eventually(t, func() bool {
		return l.try(l.local, "http://sink/write", body.String(), nil).StatusCode == http.StatusNoContent
	}, time.Minute, 50*time.Millisecond)
	require.Equal(t, http.StatusNoContent, l.try(l.local, "http://sink/write", body.String(), nil).StatusCode, "again, as after an answer that was lost")
	end(t, sink)
	l.finish()
	var stored, sum int
	require.NoError(t, pg.DB().QueryRow("SELECT count(*), sum(src_bytes) FROM vpn_traffic").Scan(&stored, &sum))
	require.Equal(t, []int{rows, rows * (rows - 1) / 2}, []int{stored, sum})
}
