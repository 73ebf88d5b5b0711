package accounting

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func markedConfig(t *testing.T) Config {
	cfg := testConfig(t)
	cfg.Filter.Mark, cfg.Filter.MarkMask = 1, 0xff
	return cfg
}

// What a dump that is filtered by mark does not show has to be looked for, until a
// dump of all marks has missed it.
func TestHiddenByMark(t *testing.T) {
	tr := started(markedConfig(t))
	f := flowOf(1, protoTCP, 10)
	f.Mark = 1
	dump(tr, 15, f)
	take(tr)

	f.Mark, f.OrigCounters.Bytes = 2, 17
	tr.BeginDump(at(30))
	require.True(t, tr.Hides())
	tr.Observe(&f)
	require.False(t, tr.Hides())
	tr.ShowsAll()
	tr.EndDump(true, true)
	require.Equal(t, 1, tr.Stats().Remarked)
	require.EqualValues(t, 7, one(t, tr).Orig.Bytes)

	tr.BeginDump(at(45))
	require.True(t, tr.Hides())
	tr.ShowsAll()
	tr.EndDump(true, true)
	require.Zero(t, tr.Stats().Remarked)
	tr.BeginDump(at(60))
	require.False(t, tr.Hides(), "a dump of all marks has missed it")
	tr.EndDump(true, true)
	require.EqualValues(t, 1, one(t, tr).Connections)
}

// Close times of connections that are not accounted are not kept.
func TestCloseTimesOfRefusedFlows(t *testing.T) {
	tr := started(markedConfig(t))
	for id, mark := range []uint32{0, 1, 2, 0x101, 0x201} {
		f := flowOf(uint32(id), protoTCP, 10)
		f.Mark, f.TCPState = mark, TCPCloseWait
		tr.OnClose(&f, at(1))
	}
	require.Len(t, tr.closes, 3)
}
