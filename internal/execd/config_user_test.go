package execd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// A configuration that only root may read is what an installation without
// Telegraf's group leaves: the error names the user and the remedy.
func TestAConfigurationThatTheUserMayNotRead(t *testing.T) {
	testkit.Need(t)
	dir, err := os.MkdirTemp("", "config") // t.TempDir's parent is closed to others
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	config := filepath.Join(dir, "vpn_traffic.conf")
	require.NoError(t, os.WriteFile(config, []byte("[[outputs.vpn_traffic]]\n"), 0o640))
	program := filepath.Join(dir, "psql-sink")
	built, err := os.ReadFile(testkit.Binary(t, "telegraf-conntrack-accounting/cmd/psql-sink"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, built, 0o755))

	cmd := exec.Command(program, "-config", config)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	said, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, "E! reading the configuration: open "+config+": permission denied for user nobody: "+
		"let that user's group read it, for example: chgrp telegraf "+config+"; chmod 640 "+config+"\n", string(said))
}
