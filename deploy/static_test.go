package deploy_test

import (
	"debug/elf"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// A program that was built on one distribution runs on any other.
func TestProgramsAreStatic(t *testing.T) {
	for _, name := range []string{"execd-plugin", "psql-sink"} {
		program, err := elf.Open(testkit.Binary(t, "telegraf-conntrack-accounting/cmd/"+name))
		require.NoError(t, err)
		defer func() { _ = program.Close() }()
		libraries, err := program.ImportedLibraries()
		require.NoError(t, err)
		require.Empty(t, libraries, name)
		for _, part := range program.Progs {
			require.NotEqual(t, elf.PT_INTERP, part.Type, "%s wants a dynamic loader", name)
		}
	}
}
