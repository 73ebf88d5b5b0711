package testkit

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Start starts the server and waits until it takes connections.
func (p *PG) Start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(p.t, err)
	defer func() { _ = log.Close() }()
	p.server = p.command("postgres", "-D", p.data())
	p.server.Stdout, p.server.Stderr = log, log
	require.NoError(p.t, p.server.Start())
	db := p.open("postgres")
	defer func() { _ = db.Close() }()
	require.Eventually(p.t, func() bool { return db.Ping() == nil }, time.Minute, 20*time.Millisecond,
		"the server did not start; its log is %s", p.log)
}

// Pid returns the process of the server, whose children are all others of it.
func (p *PG) Pid() int { return p.server.Process.Pid }

// Stop stops the server: mode is smart, fast or immediate, as for pg_ctl.
func (p *PG) Stop(mode string) {
	p.t.Helper()
	signal, ok := map[string]os.Signal{
		"smart": syscall.SIGTERM, "fast": syscall.SIGINT, "immediate": syscall.SIGQUIT,
	}[mode]
	require.True(p.t, ok, "unknown mode %q", mode)
	require.NotNil(p.t, p.server, "the server is shared with other tests, or stopped")
	require.NoError(p.t, p.server.Process.Signal(signal))
	p.ended() // immediate with an exit status
}

// ended waits for the server's end, and forgets the connections to it.
func (p *PG) ended() {
	_ = p.server.Wait()
	p.server = nil
	p.pool.SetMaxIdleConns(0) // which closes them
	p.pool.SetMaxIdleConns(2) // the default
}

// Kill9 kills the server and its children without a word.
func (p *PG) Kill9() {
	p.t.Helper()
	require.NoError(p.t, p.server.Process.Kill())
	p.ended()
	// A new server refuses the data folder while a child of the old one lives.
	require.Eventually(p.t, func() bool { return signalIn(p.data(), syscall.SIGKILL) == 0 }, time.Minute, 20*time.Millisecond)
}

// Freeze stops all processes of the server, until the test ends.
func (p *PG) Freeze() {
	p.t.Helper()
	require.Positive(p.t, signalIn(p.data(), syscall.SIGSTOP))
	p.t.Cleanup(func() { signalIn(p.data(), syscall.SIGCONT) })
}

// signalIn sends a signal to what runs in a folder, which is how to know a server's
// children: each has a session of its own, and hides its environment behind its title.
// It returns how many it found.
func signalIn(folder string, signal syscall.Signal) int {
	found := 0
	folders, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range folders {
		if cwd, err := os.Readlink(link); err != nil || cwd != folder {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			_ = syscall.Kill(pid, signal)
			found++
		}
	}
	return found
}

// guard stops the server of its folder, before it what would start that again, and
// removes the folder, once nobody holds its standard input open any more.
const guard = `cat
for process in /proc/[0-9]*; do
	if [ "$process/cwd" -ef patroni ]; then kill -KILL "${process#/proc/}"; fi
done
if read -r pid <data/postmaster.pid; then
	while [ "/proc/$pid/cwd" -ef data ]; do kill -QUIT "$pid"; sleep 0.1; done
fi
rm -rf "$PWD"`

// startGuard starts what cleans up after a test process that ends without doing
// so itself: a killed one, and any that has a shared server.
func (p *PG) startGuard() {
	p.t.Helper()
	cmd := p.command("sh", "-c", guard)
	stdin, err := cmd.StdinPipe()
	require.NoError(p.t, err)
	require.NoError(p.t, cmd.Start())
	p.guard = stdin
}

// command prepares a server program. Root may not run it, so it runs as the
// user postgres; in a process group of its own, so that Ctrl-C leaves it alone.
func (p *PG) command(tool string, args ...string) *exec.Cmd {
	cmd := exec.Command(Tool(tool), args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred, Setpgid: true}
	return cmd
}

func (p *PG) must(tool string, args ...string) {
	p.t.Helper()
	out, err := p.command(tool, args...).CombinedOutput()
	require.NoError(p.t, err, "%s", out)
}

func postgresUser(t testing.TB) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	require.NoError(t, err)
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	require.NoError(t, err)
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	require.NoError(t, err)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
