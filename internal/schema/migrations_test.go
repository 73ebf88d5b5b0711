package schema_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// frozen has the migrations that databases have run, with the beginnings of their
// SHA-256.
var frozen = map[string]string{
	"00001_rows.sql":                 "42976454bfda72be",
	"00002_rollups.sql":              "45bd30b71fc5d87b",
	"00003_values_and_names.sql":     "00d8f5d5109eb37b",
	"00004_partitions.sql":           "fadfd3d9a1bd8576",
	"00005_events.sql":               "96304f71cd1c2189",
	"00006_sums_of_days.sql":         "64920385392a3eaf",
	"00007_minutes_of_all_ports.sql": "305379ef86af9610",
	"00008_quarters.sql":             "0d966ae962b9d3df",
}

// A database runs each migration once: what is changed in it later reaches only new
// databases.
func TestMigrationsAreFrozen(t *testing.T) {
	files, err := filepath.Glob("migrations/*.sql")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), len(frozen), "databases have run all of these: none may go")
	for n, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		name, sum := filepath.Base(file), fmt.Sprintf("%x", sha256.Sum256(text))[:16]
		require.Equal(t, fmt.Sprintf("%05d", n+1), name[:5], "migrations are numbered one after the other")
		require.Contains(t, frozen, name, "a new migration: add %q: %q", name, sum)
		require.Equal(t, frozen[name], sum,
			"databases have run %s as it was: leave it so, and write what you want to change into a new migration, %05d_….sql", name, len(files)+1)
	}
}
