package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// listening is a psql-sink that listens: at a socket, and at a port of loopback with TLS.
type listening struct {
	*program
	socket, url string
	plain       string // an address of HTTP
	clients     string // the clients_file
	ca, cert    string
	client      *http.Client // over TLS, without a certificate
	local       *http.Client // over the socket
}

const token = "a token of 32 characters or more"

// listen starts one. Client gw has a token and may write for gw and gw-2.
func listen(t testing.TB, dsn, more string) *listening {
	t.Helper()
	l := &listening{program: build(t, dsn)}
	dir := t.TempDir()
	var key string
	l.ca, l.cert, key = testkit.NewCA(t).Issue("sink", time.Hour, "localhost").Files(t)
	l.clients = filepath.Join(dir, "clients.conf")
	l.allow(token)
	l.socket = filepath.Join(dir, "write.sock")
	l.url, l.plain = "https://"+freePort(t), "http://"+freePort(t)
	l.configure("dsn = %q\n  listen = [\"unix://%s\", %q, %q]\n  tls_cert = %q\n  tls_key = %q\n  tls_allowed_cacerts = [%q]\n  clients_file = %q\n  %s", dsn, l.socket, l.url, l.plain, l.cert, key, l.ca, l.clients, more)
	authorities := x509.NewCertPool()
	text, err := os.ReadFile(l.ca)
	require.NoError(t, err)
	require.True(t, authorities.AppendCertsFromPEM(text))
	l.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities, ServerName: "localhost"}}}
	l.local = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.socket)
	}}}
	t.Cleanup(func() { l.client.CloseIdleConnections(); l.local.CloseIdleConnections() })
	return l
}

// allow writes the clients_file, with a client of this token.
func (l *listening) allow(token string) {
	l.t.Helper()
	require.NoError(l.t, os.WriteFile(l.clients, fmt.Appendf(nil, "[[client]]\nname = \"gw\"\ncertificate = \"localhost\"\ntoken_sha256 = \"%x\"\nhosts = [\"gw\", \"gw-[2-3]\"]\n",
		sha256.Sum256([]byte(token))), 0o600))
}

// freePort returns an address of loopback at which nothing listens.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// open starts the program and waits until it listens.
func (l *listening) open() (stop func()) {
	l.t.Helper()
	cmd := l.start(nil, "listen")
	require.Eventually(l.t, func() bool { return l.try(l.local, "http://sink/ping", "", nil).StatusCode == http.StatusNoContent }, time.Minute, 10*time.Millisecond)
	return func() { end(l.t, cmd) }
}

// try posts a body, and returns the answer, whose body it has read. Status 0 is none.
func (l *listening) try(by *http.Client, url, body string, header http.Header) *http.Response {
	l.t.Helper()
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	require.NoError(l.t, err)
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := by.Do(request)
	if err != nil {
		return &http.Response{}
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(text))
	return response
}

// row is a line of line protocol; n tells rows apart.
func row(host string, n int, at string) string {
	return fmt.Sprintf("conntrack_accounting,host=%s,src=10.1.%d.%d,dst=10.2.0.0,proto=tcp,port=443 src_packets=1i,src_bytes=%di,dst_packets=1i,dst_bytes=1i %s\n", host, n/250, n%250, n, at)
}

// What InfluxDB understands is understood, and is in Postgres.
func TestListenTakesWhatInfluxDBTakes(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	l := listen(t, pg.DSN(), "")
	stop := l.open()
	at := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	n := 0
	for precision, timestamp := range map[string]int64{
		"": at.UnixNano(), "ns": at.UnixNano(), "n": at.UnixNano(), "us": at.UnixMicro(), "u": at.UnixMicro(), "ms": at.UnixMilli(),
		"s": at.Unix(), "m": at.Unix() / 60, "h": at.Unix() / 3600,
	} {
		for _, path := range []string{"/write?db=x&precision=", "/api/v2/write?bucket=b&org=o&precision="} {
			n++
			require.Equal(t, http.StatusNoContent, l.try(l.local, "http://sink"+path+precision, row("h", n, fmt.Sprint(timestamp)), nil).StatusCode, path+precision)
		}
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	_, _ = io.WriteString(zip, strings.TrimSuffix(row("h", n+1, fmt.Sprint(at.UnixNano())), "\n")) // no newline at the end
	require.NoError(t, zip.Close())
	require.Equal(t, http.StatusNoContent, l.try(l.local, "http://sink/write", packed.String(), http.Header{"Content-Encoding": {"gzip"}}).StatusCode)
	require.Equal(t, http.StatusNoContent, l.try(l.local, "http://sink/api/v2/write", "", nil).StatusCode, "nothing at all")
	stop()
	l.finish()
	var rows, times int
	require.NoError(t, pg.DB().QueryRow("SELECT count(*), count(DISTINCT time) FROM vpn_traffic WHERE time = $1", at).Scan(&rows, &times))
	require.Equal(t, []int{n + 1, 1}, []int{rows, times})

	stop = l.open() // where the socket of before is left
	defer stop()
	answer := l.try(l.local, "http://sink/query", "q=CREATE+DATABASE+x", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, http.StatusBadRequest, l.try(l.local, "http://sink/query?q=SHOW+DATABASES", "", nil).StatusCode)
	require.Equal(t, http.StatusBadRequest, l.try(l.local, "http://sink/write?precision=d", row("h", 0, "1"), nil).StatusCode)
	health, err := l.local.Get("http://sink/health")
	require.NoError(t, err)
	defer func() { _ = health.Body.Close() }()
	text, _ := io.ReadAll(health.Body)
	require.Contains(t, string(text), `"status":"pass"`)
	require.Contains(t, health.Header.Get("Content-Type"), "application/json")
}

// What is wrong with some lines, or with who sends them, costs the others nothing, and
// nobody can write for another's host.
func TestListenRejectsAndKeeps(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	l := listen(t, pg.DSN(), "")
	stop := l.open()
	at := fmt.Sprint(time.Now().UnixNano())
	body := row("gw", 1, at) + row("elsewhere", 2, at) + "no line protocol\n" + row("gw-2", 3, at) + row("gw-4", 4, at) +
		strings.TrimSuffix(row("gw", 5, ""), " \n") + "\n" + strings.Replace(row("gw", 6, at), "src_bytes=6i", "src_bytes=-6i", 1) + strings.Replace(row("", 7, at), "host=,", "", 1)
	known := http.Header{"Authorization": {"Token " + token}}
	for _, path := range []string{"/write", "/api/v2/write"} {
		answer := l.try(l.client, l.url+path, body, known)
		require.Equal(t, http.StatusNoContent, answer.StatusCode)
		require.Equal(t, "6", answer.Header.Get("X-Psql-Sink-Rejected"))
	}
	basic := l.try(l.client, strings.Replace(l.url, "://", "://any:"+strings.ReplaceAll(token, " ", "%20")+"@", 1)+"/write", row("gw", 8, at), nil)
	require.Equal(t, http.StatusNoContent, basic.StatusCode, "as outputs.influxdb says it")
	for _, wrong := range []http.Header{nil, {"Authorization": {"Token "}}, {"Authorization": {"Token wrong"}}, {"Authorization": {"Basic " + token}}} {
		require.Equal(t, http.StatusUnauthorized, l.try(l.client, l.url+"/api/v2/write", row("gw", 9, at), wrong).StatusCode)
		require.Equal(t, http.StatusServiceUnavailable, l.try(l.client, l.url+"/write", row("gw", 9, at), wrong).StatusCode, "outputs.influxdb drops what is answered by 4xx")
	}
	stop()
	l.finish()
	var sum, rows int
	require.NoError(t, pg.DB().QueryRow("SELECT sum(src_bytes), count(*) FROM vpn_traffic").Scan(&sum, &rows))
	require.Equal(t, []int{1 + 3 + 8, 3}, []int{sum, rows})
	for _, reason := range []string{
		`# client "gw" may not write for this host (hosts in clients_file)` + "\nconntrack_accounting,dst=10.2.0.0,host=elsewhere,", "host=gw-4,",
		"# no line protocol: ", "has no timestamp: sent again, it would count twice", "# src_bytes is negative\n", "src=10.1.0.7 ",
	} {
		require.Contains(t, l.rejected(), reason)
	}
	log := l.log.String()
	require.Equal(t, 1, strings.Count(log, "W! client at 127.0.0.1 is refused: no client of clients_file has this token or certificate"), log)
	require.NotContains(t, log, token)
	require.Equal(t, 1, strings.Count(log, `W! rejected 6 of 8 metrics of client "gw" (`), log)
}

// A certificate makes known who a client is, too; files that change are read again, and a
// bad one leaves in force what was read before.
func TestListenReadsFilesAgain(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	l := listen(t, pg.DSN(), "")
	defer l.open()()
	pair, err := tls.LoadX509KeyPair(l.cert, strings.TrimSuffix(l.cert, ".crt")+".key")
	require.NoError(t, err)
	with := l.client.Transport.(*http.Transport).Clone()
	with.TLSClientConfig.Certificates = []tls.Certificate{pair}
	with.DisableKeepAlives = true
	certified := &http.Client{Transport: with}
	status := func(by *http.Client, header http.Header) int {
		return l.try(by, l.url+"/api/v2/write", row("gw", 1, fmt.Sprint(time.Now().UnixNano())), header).StatusCode
	}
	require.Equal(t, http.StatusNoContent, status(certified, nil))

	clients := l.clients
	require.NoError(t, os.WriteFile(clients, []byte("[[client]]\nname = \"gw\"\n"), 0o600))
	require.Eventually(t, func() bool {
		require.Equal(t, http.StatusNoContent, status(certified, nil))
		return strings.Contains(l.log.String(), "has neither certificate nor token_sha256; going on with what was read before")
	}, time.Minute, 100*time.Millisecond)
	require.NoError(t, os.WriteFile(clients, []byte("[[client]]\nname = \"gw\"\ncertificate = \"another\"\nhosts = [\"*\"]\n"), 0o600))
	require.Eventually(t, func() bool { return status(certified, nil) == http.StatusUnauthorized }, time.Minute, 100*time.Millisecond)
	l.logs("clients_file " + clients + ": read again")

	ca, cert, key := testkit.NewCA(t).Issue("another", time.Hour, "localhost").Files(t) // of an authority that the client does not know
	for from, to := range map[string]string{cert: l.cert, key: strings.TrimSuffix(l.cert, ".crt") + ".key", ca: l.ca} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, text, 0o600))
	}
	require.Eventually(t, func() bool { return status(certified, nil) == 0 }, time.Minute, 100*time.Millisecond)
	l.logs("TLS files: read again")
}

// A body that is too large is to be split by 2.x, which does that, and is taken from 1.x,
// which would drop it. One that breaks off is stored up to there, and asked for again.
func TestListenTakesLargeBodies(t *testing.T) {
	t.Parallel()
	pg := testkit.Database(t)
	l := listen(t, pg.DSN(), `max_body = "1MiB"`)
	stop := l.open()
	at := fmt.Sprint(time.Now().UnixNano())
	var body strings.Builder
	const rows = 12_000 // several parts
	for n := range rows {
		body.WriteString(row("gw", n, at))
	}
	require.Equal(t, http.StatusRequestEntityTooLarge, l.try(l.local, "http://sink/api/v2/write", body.String(), nil).StatusCode)
	conn, err := net.Dial("unix", l.socket)
	require.NoError(t, err)
	_, err = fmt.Fprintf(conn, "POST /write HTTP/1.1\r\nHost: sink\r\nContent-Length: %d\r\n\r\n%s", body.Len(), body.String()[:body.Len()/2])
	require.NoError(t, err)
	require.NoError(t, conn.(*net.UnixConn).CloseWrite())
	answer, _ := io.ReadAll(conn)
	require.Contains(t, string(answer), "503 Service Unavailable")
	require.Contains(t, string(answer), "Retry-After: ")
	require.Contains(t, string(answer), "the body broke off")
	require.Equal(t, http.StatusNoContent, l.try(l.local, "http://sink/write", body.String(), nil).StatusCode)
	stop()
	l.finish()
	var stored, sum int
	require.NoError(t, pg.DB().QueryRow("SELECT count(*), sum(src_bytes) FROM vpn_traffic").Scan(&stored, &sum))
	require.Equal(t, []int{rows, rows * (rows - 1) / 2}, []int{stored, sum})
	testkit.RequireExact(t, pg.DB())
}

// A wrong address or set-up is refused at the start, with what to do.
func TestListenRefusesToStart(t *testing.T) {
	t.Parallel()
	p := build(t, "host=/nowhere")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("[[client]]\nnames = \"x\"\n"), 0o600))
	for options, want := range map[string]string{
		`listen = []`:                                "listen is empty",
		`listen = ["tcp://[::]:8443"]`:               "is none of",
		`listen = ["http://0.0.0.0:8186"]`:           "use https",
		`listen = ["https://[::1]:8443"]`:            "needs tls_cert and tls_key",
		fmt.Sprintf("listen = [%q]", "unix://"+file): "is there and is no socket",
		`listen = ["unix:///nowhere/x.sock"]`:        "make its folder",
		fmt.Sprintf("clients_file = %q", file):       "unknown key client.names",
		"clients_file = \"/nowhere\"":                "no such file",
		"tls_cert = \"/nowhere\"\n  tls_key = \"/nowhere\"\n  listen = [\"https://[::1]:0\"]": "needs a clients_file",
	} {
		p.configure("%s", options)
		output, code := p.output("listen", "-config", p.config)
		require.Equal(t, 1, code, options)
		require.Contains(t, output, want, options)
	}
}
