// Package cluster tests deploy/cluster/nats: gateways that deliver through three NATS nodes to sinks.
package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// whole is all machines: gateways, NATS nodes, sinks and Postgres.
type whole struct {
	setting

	t        *testing.T
	net      *network
	nats     *natsCluster
	gateways []*gateway
	sinks    []*sink
	pg       *testkit.PG
	dsn      string
	victim   int // the node that failed
}

// setting is what tests replace in the files.
type setting struct {
	flush   string // flush_interval
	wait    string // until what is not acknowledged comes again
	pending string // how many messages may be undelivered
}

var (
	// Failures are over soon, and more messages come than sinks may hold.
	hurried = setting{flush: "200ms", wait: "5s", pending: "10"}

	// A load is what it is in operation.
	deployedAs = setting{flush: "1s", wait: "30s", pending: "100"}
)

const postgresAddr = "10.99.0.50"

func newWhole(t *testing.T, set setting, postgres ...string) *whole {
	t.Helper()
	testkit.Need(t, "ip")
	w := &whole{t: t, setting: set, net: newNetwork(t), pg: testkit.Postgres(t, append(postgres, "work_mem=512MB")...)}
	w.nats = startNATS(t, w.net, set)
	w.net.machine(postgresAddr).Proxy(t, postgresAddr+":5432", w.pg.Socket())
	w.dsn = "host=" + postgresAddr + " user=postgres sslmode=disable dbname=" + w.pg.Name()
	for range 2 {
		w.addSink()
	}
	return w
}

// addGateway adds one that the nodes do not know yet.
func (w *whole) addGateway(name string) {
	w.t.Helper()
	w.nats.admit(name)
	w.startGateway(name)
}

func (w *whole) startGateway(name string) {
	w.t.Helper()
	w.gateways = append(w.gateways, newGateway(w.net.t, name, w.net.machine(fmt.Sprintf("10.99.0.%d", 101+len(w.gateways))), w.nats.ca, w.setting))
}

func (w *whole) addSink() *sink {
	w.t.Helper()
	s := newSink(w.net.t, w.net, fmt.Sprintf("10.99.0.%d", 11+len(w.sinks)), w.nats.ca, w.dsn, w.setting)
	w.sinks = append(w.sinks, s)
	return s
}

// report has each gateway report once.
func (w *whole) report(series int) {
	w.t.Helper()
	for _, g := range w.gateways {
		g.report(series)
	}
}

// sent is what the gateways were given.
func (w *whole) sent() map[string]testkit.HostSums {
	all := make(map[string]testkit.HostSums)
	for _, g := range w.gateways {
		all[g.name] = g.sent
	}
	return all
}

// settle waits until Postgres has all rows, and requires that it has each of them once.
func (w *whole) settle(t *testing.T) {
	t.Helper()
	begin := time.Now()
	var got map[string]testkit.HostSums
	require.Eventually(t, func() bool {
		var err error
		got, err = testkit.SumsByHost(w.pg.DB())
		return err == nil && rowsOf(got) >= rowsOf(w.sent())
	}, 2*time.Minute, 50*time.Millisecond, "rows are missing")
	require.Equal(t, w.sent(), got)
	for _, g := range w.gateways {
		t.Logf("%s: %d reports, sent and stored %+v", g.name, g.reports, got[g.name])
	}
	t.Logf("the last rows came after %.1f s; %d messages wait in NATS", time.Since(begin).Seconds(), w.nats.messages())
}

func rowsOf(all map[string]testkit.HostSums) (rows int) {
	for _, of := range all {
		rows += of.Rows
	}
	return rows
}

// end kills what would take its time to end.
func (w *whole) end() {
	for _, g := range w.gateways {
		g.agent.Kill()
	}
}
