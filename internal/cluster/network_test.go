package cluster

import (
	"testing"

	"telegraf-conntrack-accounting/internal/testkit"
)

// network is a switch that machines, a namespace each, are plugged into.
type network struct {
	t     testing.TB
	hub   *testkit.Netns
	ports map[string]string // by address
}

func newNetwork(t testing.TB) *network {
	n := &network{t: t, hub: testkit.NewNetns(t), ports: make(map[string]string)}
	n.hub.IP(t, "link", "add", "switch", "type", "bridge")
	n.hub.IP(t, "link", "set", "switch", "up")
	return n
}

// machine adds one.
func (n *network) machine(addr string) *testkit.Netns {
	m := testkit.NewNetns(n.t)
	n.ports[addr], _ = testkit.Link(n.t, n.hub, m, nil, []string{addr + "/24"})
	n.join(addr)
	return m
}

// cut has everything to and from a machine vanish, which nobody is told of.
func (n *network) cut(addr string) { n.hub.IP(n.t, "link", "set", n.ports[addr], "nomaster") }

func (n *network) join(addr string) { n.hub.IP(n.t, "link", "set", n.ports[addr], "master", "switch") }
