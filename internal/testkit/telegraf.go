package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// telegrafVersion is the agent's version; telegraf/go.mod requires the same.
const telegrafVersion = "1.39.3"

// telegrafPlugins are the parts of the agent that tests use.
func telegrafPlugins() []string {
	return []string{
		"inputs.execd", "inputs.internal", "inputs.conntrack", "inputs.nats_consumer",
		"outputs.execd", "outputs.file", "outputs.discard", "outputs.nats",
		"outputs.influxdb", "outputs.influxdb_v2", "parsers.influx", "serializers.influx",
	}
}

// Telegraf returns the path of the real agent. It is built when it is not there
// yet or was built from something else, which takes minutes the first time.
func Telegraf(t testing.TB) string {
	t.Helper()
	root := Root(t)
	module := filepath.Join(root, "internal", "testkit", "telegraf")
	program := filepath.Join(root, "build", "telegraf")
	tags := "custom," + strings.Join(telegrafPlugins(), ",")
	mod, err := os.ReadFile(filepath.Join(module, "go.mod"))
	require.NoError(t, err)
	origin := tags + "\n" + string(mod)
	locked(t, program, func() {
		built, err := os.ReadFile(program + ".origin")
		if _, missing := os.Stat(program); missing == nil && err == nil && string(built) == origin {
			return
		}
		t.Log("building the Telegraf agent")
		build := exec.Command("nice", "go", "build", "-mod=readonly", "-buildvcs=false", "-tags", tags,
			"-ldflags", "-s -w -X github.com/influxdata/telegraf/internal.Version="+telegrafVersion,
			"-o", program, "github.com/influxdata/telegraf/cmd/telegraf")
		build.Dir = module
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		run(t, build)
		require.NoError(t, os.WriteFile(program+".origin", []byte(origin), 0o644))
	})
	return program
}

// Agent is a way to run Telegraf.
type Agent struct {
	Config string   // path of the configuration file
	Args   []string // more arguments, such as --test
	Env    []string // more environment variables, as NAME=value
	Netns  *Netns   // where to run; nil: where the test runs
}

// Start starts the agent. Its log is the child's Stderr, and the metrics of
// --test are on Stdout.
func (a Agent) Start(t testing.TB) *Child {
	t.Helper()
	cmd := commandIn(a.Netns, Telegraf(t), append([]string{"--config", a.Config}, a.Args...)...)
	cmd.Env = append(os.Environ(), a.Env...)
	return StartChild(t, cmd)
}

// commandIn prepares a program that runs in a namespace, or where the test runs
// if there is none.
func commandIn(ns *Netns, name string, args ...string) *exec.Cmd {
	if ns == nil {
		return exec.Command(Tool(name), args...)
	}
	return ns.Command(name, args...)
}
