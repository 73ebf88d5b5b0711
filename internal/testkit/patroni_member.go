package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"
)

// Member is the machine of a cluster. All that runs on it is ended when the test, or its
// process, ends.
type Member struct {
	*PG
	name     string
	programs []*exec.Cmd // etcd and patroni, in the folder that the guard of PG looks at
}

func (m *Member) folder() string { return filepath.Join(m.dir, "patroni") }

// Start starts the machine: etcd, and Patroni, which starts Postgres.
func (m *Member) Start() {
	m.t.Helper()
	env, err := os.ReadFile(filepath.Join(m.folder(), "etc/default/etcd"))
	require.NoError(m.t, err)
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(m.t, err)
	defer func() { _ = log.Close() }()
	for _, program := range []*exec.Cmd{
		m.command("etcd", "--log-level=error"),
		m.command("patroni", filepath.Join(m.folder(), "etc/patroni/config.yml")),
	} {
		program.Dir = m.folder()
		program.Env = append(program.Env, strings.Fields(string(env))...)
		program.Stdout, program.Stderr = log, log
		require.NoError(m.t, program.Start())
		m.programs = append(m.programs, program)
	}
}

// Kill9 kills all that runs on the machine, without a word.
func (m *Member) Kill9() {
	m.t.Helper()
	require.Eventually(m.t, func() bool {
		return signalIn(m.folder(), syscall.SIGKILL)+signalIn(m.data(), syscall.SIGKILL) == 0
	}, time.Minute, 20*time.Millisecond)
	for _, program := range m.programs {
		_ = program.Wait()
	}
	m.programs = nil
}

// Signal sends a signal to Patroni alone.
func (m *Member) Signal(signal syscall.Signal) {
	m.t.Helper()
	require.NoError(m.t, m.programs[1].Process.Signal(signal))
}

func (m *Member) remove() {
	m.Kill9()
	m.PG.remove()
}

// Is asks Postgres on the machine a question; one that cannot answer says no.
func (m *Member) Is(question string) (yes bool) {
	db := m.open("postgres")
	defer func() { _ = db.Close() }()
	return db.QueryRow("SELECT "+question).Scan(&yes) == nil && yes
}
