package store_test

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/store"
)

// testStates has somebody's trigger fail with one SQLSTATE of each class that is
// told apart, and looks at what is said and done.
func testStates(t *testing.T, db *store.DB, direct *sql.DB) {
	takesNone := func(state string) string { return "Postgres takes no rows (SQLSTATE " + state + ")" }
	failed := func(state string) string { return "an import failed (SQLSTATE " + state + ")" }
	for _, test := range []struct {
		state, says string
		class       pgconn.Class
		mayBeRows   bool
	}{
		{"08006", "Postgres is unreachable", pgconn.Retry, false},
		{"0A000", takesNone("0A000"), pgconn.Retry, true}, // feature not supported
		{"22003", failed("22003"), pgconn.Reject, true},
		{"23505", failed("23505"), pgconn.Reject, true},
		{"25001", takesNone("25001"), pgconn.Retry, false}, // of the class of 25006
		{"25006", "Postgres is read-only", pgconn.Retry, false},
		{"28000", takesNone("28000"), pgconn.Retry, false},
		{"3D000", takesNone("3D000"), pgconn.Retry, false},
		{"3F000", takesNone("3F000"), pgconn.Retry, false},
		{"40001", takesNone("40001"), pgconn.Retry, false},
		{"40P01", takesNone("40P01"), pgconn.Retry, false},
		{"42501", takesNone("42501"), pgconn.Retry, true},
		{"42P01", takesNone("42P01"), pgconn.Retry, true},
		{"53100", "Postgres is out of disk space", pgconn.Retry, false},
		{"53200", takesNone("53200"), pgconn.Retry, false},
		{"53300", takesNone("53300"), pgconn.Retry, false},
		{"54000", failed("54000"), pgconn.Reject, true},
		{"55P03", takesNone("55P03"), pgconn.Retry, false},
		{"57014", takesNone("57014"), pgconn.Retry, false},
		{"57P01", "Postgres is unreachable", pgconn.Retry, false},
		{"58030", takesNone("58030"), pgconn.Retry, false},
		{"P0001", failed("P0001"), pgconn.Unknown, true},
		{"XX000", failed("XX000"), pgconn.Unknown, true},
	} {
		_, err := direct.Exec(fmt.Sprintf(`CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE 'because' USING ERRCODE = '%s'; END $$;
			CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON vpn_traffic FOR EACH ROW EXECUTE FUNCTION fail()`, test.state))
		require.NoError(t, err)
		_, err = db.Import(t.Context(), "gw", series(noon, 1))
		require.ErrorContains(t, err, "because", test.state)
		require.Equal(t, test.says, pgconn.Describe(err), test.state)
		require.Equal(t, test.class, pgconn.ClassOf(err), test.state)
		require.Equal(t, test.mayBeRows, pgconn.MayBeRows(err), test.state)
		momentary := test.state[:2] == "40"
		require.Equal(t, momentary, pgconn.IsMomentary(err), test.state)
		if test.class == pgconn.Retry && !momentary {
			require.ErrorContains(t, pgconn.Reason(err), "pq: because")
			require.NotContains(t, pgconn.Reason(err).Error(), "importing", "what the server says, only")
		}
	}
	_, err := direct.Exec(`DROP TRIGGER fail ON vpn_traffic`)
	require.NoError(t, err)
	require.Equal(t, store.Result{Inserted: 1}, mustImport(t, db, "gw", series(noon, 1)))
}
