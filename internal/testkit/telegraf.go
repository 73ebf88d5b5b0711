package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Telegraf returns the path of the real agent. It is built when it is not there
// yet or what it is built from has changed, which takes minutes the first time.
func Telegraf(t testing.TB) string {
	t.Helper()
	return filepath.Join(buildBy(t, "telegraf"), "telegraf")
}

// NATS returns the paths of the NATS server and of its command line, which are built as the
// agent is.
func NATS(t testing.TB) (server, cli string) {
	t.Helper()
	build := buildBy(t, "nats")
	return filepath.Join(build, "nats-server"), filepath.Join(build, "nats")
}

// buildBy runs a script that builds programs, and returns the folder that they are in.
func buildBy(t testing.TB, script string) (folder string) {
	t.Helper()
	root := Root(t)
	if told := run(t, exec.Command(filepath.Join(root, "scripts", script))); told != "" {
		t.Log(told)
	}
	return filepath.Join(root, "build")
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
