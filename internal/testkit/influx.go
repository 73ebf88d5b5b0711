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
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// InfluxDB is a server of one test's own, of version 1.
type InfluxDB struct {
	URL string // where it listens, inside its namespace

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

// The log tells which free port the server has got.
var influxListens = regexp.MustCompile(`msg="Listening on HTTP".* addr=(\S+)`)

// Influx starts a server on loopback in a network namespace, or where the test
// runs if ns is nil, and waits until it answers.
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
	server := StartChild(t, commandIn(ns, "influxd", "run", "-config", config))
	db := &InfluxDB{t: t, client: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{DialContext: dialIn(ns), DisableKeepAlives: true},
	}}
	require.Eventually(t, func() bool {
		found := influxListens.FindStringSubmatch(server.Stdout() + server.Stderr())
		if found == nil {
			return false
		}
		db.URL = "http://" + found[1]
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
	answer, err := db.client.PostForm(db.URL+"/query", url.Values{"db": {database}, "q": {query}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", answer.Status, body)
	}
	return parseSeries(body)
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
