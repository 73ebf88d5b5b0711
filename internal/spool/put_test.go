package spool

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A report that is taken back, because its name cannot be made durable, does not
// wait any more.
func TestWhatIsTakenBackDoesNotWait(t *testing.T) {
	s, err := Open(t.TempDir(), Options{})
	require.NoError(t, err)
	require.NoError(t, s.Put("gw", []byte("1\n")))
	entries, err := s.List()
	require.NoError(t, err)
	path := s.path(newDir, entries[0].Name)
	require.NoError(t, s.takeBack(path, 2))
	require.Zero(t, s.Stats().Waiting)
	require.ErrorIs(t, s.takeBack(path, 2), os.ErrNotExist)
	require.Zero(t, s.Stats().Waiting, "not twice")
}
