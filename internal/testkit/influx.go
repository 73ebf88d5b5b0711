package testkit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// InfluxDB is a server of one test's own.
type InfluxDB struct {
	Version int    // 1 or 2
	URL     string // where it listens, inside its namespace
	Token   string // what version 2 wants from everybody

	t      testing.TB
	client *http.Client
}

// Series is one series of a query's answer. Numbers are json.Number, so that
// no digit is lost.
type Series struct {
	Name    string
	Tags    map[string]string
	Columns []string
	Values  [][]any
}

// The log tells which free port the server has got: version 1 in its address, version 2
// after it.
var influxListens = regexp.MustCompile(`msg="?Listening(?: on HTTP")? .*(?:addr=\S+:|port=)(\d+)`)

// Influx starts a server of version 1 on loopback in a network namespace, or where the
// test runs if ns is nil, and waits until it answers.
func Influx(t testing.TB, ns *Netns) *InfluxDB {
	t.Helper()
	Need(t, "influxd")
	dir := t.TempDir()
	config := filepath.Join(dir, "influxdb.conf")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `
reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
dir = %[1]q
[data]
dir = %[2]q
wal-dir = %[3]q
[http]
bind-address = "127.0.0.1:0"
log-enabled = false
[monitor]
store-enabled = false
`, filepath.Join(dir, "meta"), filepath.Join(dir, "data"), filepath.Join(dir, "wal")), 0o644))
	return startInflux(t, ns, 1, "influxd", "run", "-config", config)
}

// Influx2 does the same with version 2, of the program that INFLUXD2 names: Debian has
// none, so without it the test is skipped. Its organization and its bucket are "telegraf".
func Influx2(t testing.TB, ns *Netns) *InfluxDB {
	t.Helper()
	program := os.Getenv("INFLUXD2")
	if program == "" {
		t.Skip("needs the path of an influxd of version 2 in INFLUXD2: CONTRIBUTING.md says how to build one")
	}
	Need(t, program)
	dir := t.TempDir()
	db := startInflux(t, ns, 2, program, "--http-bind-address", "127.0.0.1:0", "--reporting-disabled",
		"--bolt-path", filepath.Join(dir, "bolt"), "--sqlite-path", filepath.Join(dir, "sqlite"), "--engine-path", filepath.Join(dir, "engine"))
	_, err := db.post("/api/v2/setup", "application/json", strings.NewReader(
		`{"username": "telegraf", "password": "telegraf", "org": "telegraf", "bucket": "telegraf", "token": "secret"}`))
	require.NoError(t, err)
	db.Token = "secret"
	return db
}

// EachInflux runs a test on a server of each version, with an empty database, or bucket,
// that is called telegraf.
func EachInflux(t *testing.T, ns *Netns, test func(t *testing.T, db *InfluxDB)) {
	t.Run("InfluxDB 1", func(t *testing.T) {
		t.Parallel()
		db := Influx(t, ns)
		db.Query("", "CREATE DATABASE telegraf")
		test(t, db)
	})
	t.Run("InfluxDB 2", func(t *testing.T) {
		t.Parallel()
		test(t, Influx2(t, ns))
	})
}

func startInflux(t testing.TB, ns *Netns, version int, program string, args ...string) *InfluxDB {
	t.Helper()
	server := StartChild(t, commandIn(ns, program, args...))
	db := &InfluxDB{Version: version, t: t, client: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{DialContext: dialIn(ns), DisableKeepAlives: true},
	}}
	require.Eventually(t, func() bool {
		found := influxListens.FindStringSubmatch(server.Stdout() + server.Stderr())
		if found == nil {
			return false
		}
		db.URL = "http://127.0.0.1:" + found[1]
		return db.ping()
	}, time.Minute, 20*time.Millisecond, "influxd did not start")
	return db
}

func (db *InfluxDB) ping() bool {
	answer, err := db.client.Get(db.URL + "/ping")
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusNoContent
}

// Query runs InfluxQL on a database, which a statement like CREATE DATABASE
// does not need.
func (db *InfluxDB) Query(database, query string) []Series {
	db.t.Helper()
	series, err := db.Try(database, query)
	require.NoError(db.t, err)
	return series
}

// Try is Query for what may fail.
func (db *InfluxDB) Try(database, query string) ([]Series, error) {
	form := url.Values{"db": {database}, "q": {query}}
	body, err := db.post("/query", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	return parseSeries(body)
}

// Write sends line protocol to a database, or bucket, as Telegraf does.
func (db *InfluxDB) Write(database string, lines io.Reader) {
	db.t.Helper()
	path := "/write?db=" + database
	if db.Version == 2 {
		path = "/api/v2/write?org=telegraf&bucket=" + database
	}
	_, err := db.post(path, "text/plain", lines)
	require.NoError(db.t, err)
}

func (db *InfluxDB) post(path, kind string, body io.Reader) ([]byte, error) {
	request, err := http.NewRequest(http.MethodPost, db.URL+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", kind)
	if db.Token != "" {
		request.Header.Set("Authorization", "Token "+db.Token)
	}
	answer, err := db.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", answer.Status, said)
	}
	return said, err
}

func parseSeries(body []byte) (series []Series, err error) {
	var parsed struct {
		Results []struct {
			Error  string
			Series []Series
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&parsed); err != nil {
		return nil, err
	}
	for _, result := range parsed.Results {
		if result.Error != "" {
			return nil, errors.New(result.Error)
		}
		series = append(series, result.Series...)
	}
	return series, nil
}

// dialIn returns what connects from inside a namespace, or from where the test
// runs if there is none.
func dialIn(ns *Netns) func(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	if ns == nil {
		return d.DialContext
	}
	return func(ctx context.Context, network, address string) (conn net.Conn, err error) {
		err = ns.Do(func() error {
			conn, err = d.DialContext(ctx, network, address)
			return err
		})
		return conn, err
	}
}
