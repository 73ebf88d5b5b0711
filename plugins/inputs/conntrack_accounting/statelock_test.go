package conntrack_accounting

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Two processes would each overwrite what the other knows; the second one waits for
// the end of the first, as in a restart.
func TestOneProcessForEachState(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	file, keep := withState(t)
	l.start(keep)
	second := New()
	second.NetworkNamespace, second.StateFile, second.Log = l.ns.Path(), file, &lines{}
	require.NoError(t, second.Init())
	err := second.Start(l)
	require.ErrorContains(t, err, "state_file: another process uses "+file)
	require.NoError(t, l.plugin.Gather(l), "the first goes on")

	started := make(chan error, 1)
	go func() { started <- second.Start(l) }()
	l.plugin.Stop()
	require.NoError(t, <-started)
	second.Stop()
}
