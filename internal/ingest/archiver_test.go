package ingest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/execd"
	"telegraf-conntrack-accounting/internal/spool"
)

func TestASpoolThatCannotBeTidiedIsToldOnce(t *testing.T) {
	dir, log := t.TempDir(), &bytes.Buffer{}
	reports, err := spool.Open(dir, spool.Options{})
	require.NoError(t, err)
	k := archiver{log: execd.NewLogger(log, log, true), spool: reports}
	require.NoError(t, os.Remove(filepath.Join(dir, "processed")))
	for range 3 {
		k.tidy()
	}
	require.Regexp(t, "^W! the spool may grow: tidying the spool: open "+dir+"/processed: no such file or directory\n$", log)
}
