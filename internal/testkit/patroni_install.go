package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// commands are what scripts find on the machines of a cluster, which are folders: only files
// are installed, and who is to be postgres is so to Postgres only.
var commands = map[string]string{
	"apt-get":   "",
	"systemctl": "",
	"runuser":   `shift 3; PGUSER=postgres exec "$@"`,
	"scp": `for file; do
	shift
	case $file in *:*) file=$MACHINES/${file%%:*}/${file#*:} ;; esac
	set -- "$@" "$file"
done
exec cp "$@"`,
}

// machine makes a folder that is a machine.
func machine(t testing.TB, folder string) {
	t.Helper()
	for _, name := range []string{"bin", "etc/default", "etc/patroni", "etc/telegraf", "lib/etcd"} {
		require.NoError(t, os.MkdirAll(filepath.Join(folder, name), 0o755))
	}
	for name, text := range commands {
		require.NoError(t, os.WriteFile(filepath.Join(folder, "bin", name), []byte("#!/bin/sh\n"+text+"\n"), 0o755))
	}
	program := Binary(t, "telegraf-conntrack-accounting/cmd/psql-sink")
	require.NoError(t, os.Symlink(program, filepath.Join(folder, "bin", "psql-sink")))
}

// prepare makes the machines. Each finds the others by their addresses.
func (c *Cluster) prepare() {
	c.t.Helper()
	machine(c.t, c.folder)
	for _, m := range c.Members {
		machine(c.t, m.folder())
		require.NoError(c.t, os.Symlink(m.folder(), filepath.Join(c.folder, m.addr)))
	}
}

// Run runs a script of the documents on the operator's machine. What a member sends comes
// from 127.0.0.1 here, and etcd looks for that in the certificate.
func (c *Cluster) Run(script string) string {
	c.t.Helper()
	script = strings.NewReplacer("network=192.0.2.0/24", "network=127.0.0.1/32", "IP:$address", "IP:$address,IP:127.0.0.1",
		"-o telegraf", "-o root").Replace(c.Local(script))
	return runAt(c.t, c.folder, script, "MACHINES="+c.folder)
}

// Run runs a script of the documents on the machine.
func (m *Member) Run(script string) string {
	m.t.Helper()
	return runAt(m.t, m.folder(), m.local(script), "PGHOST="+m.dir)
}

func runAt(t testing.TB, folder, script string, environment ...string) string {
	t.Helper()
	share := "/usr/share/telegraf-conntrack-accounting/"
	cmd := exec.Command("sh", "-eu", "-c", strings.NewReplacer(
		share+"patroni.yml", filepath.Join(Root(t), "deploy/cluster/patroni.yml"),
		share+"roles.sql", filepath.Join(Root(t), "deploy/roles.sql"),
	).Replace(script))
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), append(environment, "HOME="+folder, "PATH="+filepath.Join(folder, "bin")+":"+os.Getenv("PATH"))...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// local returns a text with the folders of the machine.
func (m *Member) local(text string) string {
	return strings.NewReplacer("/etc/", filepath.Join(m.folder(), "etc")+"/", "/var/lib/etcd", filepath.Join(m.folder(), "lib/etcd"),
		"/var/run/postgresql", m.dir, "-o etcd", "-o postgres").Replace(text)
}

// install runs the script that installs the machine. What its files say of times is made as
// short as it can be.
func (m *Member) install(script string) {
	m.t.Helper()
	m.Run(script)
	postgres, err := filepath.EvalSymlinks(Tool("postgres"))
	require.NoError(m.t, err)
	short := strings.NewReplacer("/var/lib/postgresql/15/vpn", m.data(), "/usr/lib/postgresql/15/bin", filepath.Dir(postgres),
		"/var/lib/postgresql", m.folder(), "all postgres peer", "all all trust",
		"  parameters:\n    unix", "  parameters:\n    fsync: \"off\"\n    unix",
		"ttl: 30", "ttl: 5", "loop_wait: 10", "loop_wait: 1", "retry_timeout: 10", "retry_timeout: 2")
	for _, name := range []string{"etc/default/etcd", "etc/patroni/config.yml"} {
		path := filepath.Join(m.folder(), name)
		text, err := os.ReadFile(path)
		require.NoError(m.t, err)
		require.NoError(m.t, os.WriteFile(path, []byte(m.local(short.Replace(string(text)))), 0o600)) // its owner stays
	}
	for _, name := range []string{"", "lib/etcd"} {
		require.NoError(m.t, os.Chown(filepath.Join(m.folder(), name), int(m.cred.Uid), int(m.cred.Gid)))
	}
}
