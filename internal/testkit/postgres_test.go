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

func TestDatabasesOfASharedServer(t *testing.T) {
	one, other := testkit.Database(t), testkit.Database(t)
	one.Exec("CREATE TABLE t ()")
	other.Exec("CREATE TABLE t ()")
	require.Equal(t, one.Dir(), other.Dir())

	prepared := 0
	for range 2 {
		pg := testkit.DatabaseLike(t, "prepared", func(pg *testkit.PG) {
			prepared++
			pg.Exec("CREATE TABLE p AS SELECT 1 AS n")
		})
		pg.Exec("UPDATE p SET n = n + 1")
		var n int
		require.NoError(t, pg.DB().QueryRow("SELECT n FROM p").Scan(&n))
		require.Equal(t, 2, n)
	}
	require.Equal(t, 1, prepared)
}
