package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// replace puts a file into the place of another, as editors do.
func replace(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// report puts a file with a row, and with a line that is none, into the spool.
func (p *program) report(number int) {
	p.t.Helper()
	path := filepath.Join(p.spool, "new", fmt.Sprintf("%019d-1-%06d_gw.csv", epoch, number))
	text := fmt.Sprintf("%d,tcp,10.0.0.%d,10.0.0.2,443,1,1,1,1,0,0\nnonsense\n", epoch+int64(number), number)
	require.NoError(p.t, os.WriteFile(path+".part", []byte(text), 0o600))
	require.NoError(p.t, os.Rename(path+".part", path))
}

// Certificates and passwords that are replaced are read inside the sandbox, and files
// move through all folders of the spool.
func TestConfined(t *testing.T) {
	t.Parallel()
	ca := testkit.NewCA(t)
	pg := testkit.PGSetup{
		TCP: true, Cert: ca.Issue("server", time.Hour, "db.example"), HBA: []string{"hostssl vpn sink 127.0.0.0/8 scram-sha-256"},
	}.Start(t)
	pg.Exec("CREATE ROLE sink LOGIN PASSWORD 'right'", "GRANT CREATE ON SCHEMA public TO sink")
	files := t.TempDir()
	root, passfile := filepath.Join(files, "root.crt"), filepath.Join(files, "pgpass")
	foreign, _, _ := testkit.NewCA(t).Issue("sink", time.Hour).Files(t)
	own, _, _ := ca.Issue("sink", time.Hour).Files(t)
	certificate := func(path string) string {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		return string(text)
	}
	replace(t, root, certificate(foreign))
	replace(t, passfile, "*:*:*:*:wrong\n")
	p := build(t, "")
	p.configure("archive = true\n  dsn = \"host=db.example hostaddr=%s dbname=vpn user=sink sslmode=verify-full sslrootcert=%s passfile=%s\"", pg.Addr(), root, passfile)
	require.NoError(t, os.MkdirAll(filepath.Join(p.spool, "new"), 0o755))
	p.report(1)
	sink := p.start(nil, "watch", "-debug")
	p.logs("D! sandbox: capabilities: cap_dac_override; no new privileges; Landlock (ABI ")
	status := testkit.Privileges(sink.Process.Pid)
	for set, value := range map[string]string{
		"CapEff": "0000000000000002", "CapPrm": "0000000000000002", "CapBnd": "0000000000000002", "CapAmb": "0000000000000000",
		"NoNewPrivs": "1", "Seccomp": "2",
	} {
		require.Equal(t, []string{value}, status[set], set)
	}
	p.logs("certificate signed by unknown authority")
	replace(t, root, certificate(own))
	p.logs("password authentication failed")
	replace(t, passfile, "*:*:*:*:right\n")
	p.drained()
	require.NoError(t, os.RemoveAll(filepath.Join(p.spool, "new"))) // and again, below the spool
	require.NoError(t, os.Mkdir(filepath.Join(p.spool, "new"), 0o755))
	p.report(2)
	p.drained()
	archived, err := filepath.Glob(filepath.Join(p.spool, "processed", "*.csv"))
	require.NoError(t, err)
	require.Len(t, archived, 2)
	require.Contains(t, p.rejected(), "nonsense")
	end(t, sink)
}

// What the sandbox does not reach ends the program, whose unit starts it again.
func TestWatchIsStartedAgainForOtherFolders(t *testing.T) {
	t.Parallel()
	p := build(t, "host="+t.TempDir())
	sink := p.start(nil, "watch")
	p.logs("I! importing reports from " + p.spool + "/new")
	p.spool = filepath.Join(t.TempDir(), "other")
	p.configure("dsn = %q", "host="+t.TempDir())
	require.NoError(t, sink.Process.Signal(syscall.SIGHUP))
	require.Error(t, sink.Wait())
	require.Equal(t, 1, sink.ProcessState.ExitCode())
	p.logs("E! the configuration needs other files or folders than at the start")
	require.NoDirExists(t, p.spool)
}
