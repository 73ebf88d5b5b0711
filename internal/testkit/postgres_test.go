package testkit_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

func TestPostgresKeepsItsRows(t *testing.T) {
	pg := testkit.Postgres(t)
	db := pg.DB()
	_, err := db.Exec("CREATE TABLE t AS SELECT 1 AS n")
	require.NoError(t, err)
	for name, end := range map[string]func(){
		"fast":      func() { pg.Stop("fast") },
		"immediate": func() { pg.Stop("immediate") },
		"kill -9":   pg.Kill9,
	} {
		end()
		require.Error(t, db.Ping(), name)
		pg.Start()
		var n int
		require.NoError(t, db.QueryRow("SELECT n FROM t").Scan(&n), name)
		require.Equal(t, 1, n)
	}
}
