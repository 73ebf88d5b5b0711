package store_test

import (
	"testing"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"github.com/stretchr/testify/require"
)

// Who may add events may neither change them nor touch anything else.
func TestTheAnnotatorAddsEventsAndNoMore(t *testing.T) {
	t.Parallel()
	pg := withRoles(t)
	owner, _ := openAs(t, pg, "user=postgres role=vpn_traffic_owner")
	require.NoError(t, owner.Migrate(t.Context()))
	pg.Exec("CREATE ROLE operator LOGIN IN ROLE vpn_traffic_annotator")
	_, direct := openAs(t, pg, "user=operator")
	exec(t, direct, `INSERT INTO vpn_traffic_events (title, tags) VALUES ('Contest begins', '{contest}')`)
	require.Equal(t, "Contest begins", query(t, direct, `SELECT title FROM vpn_traffic_events WHERE time <= now() AND until IS NULL AND host IS NULL`))
	for _, statement := range []string{
		"UPDATE vpn_traffic_events SET title = ''", "DELETE FROM vpn_traffic_events", "SELECT FROM vpn_traffic",
		"INSERT INTO vpn_traffic_values VALUES ('src', 'x', now(), now())",
	} {
		_, err := direct.Exec(statement)
		require.NotNil(t, pq.As(err, pqerror.InsufficientPrivilege), "%s: %v", statement, err)
	}
	_, err := direct.Exec(`INSERT INTO vpn_traffic_events (time, until, title) VALUES ('2026-01-02Z', '2026-01-01Z', 'x')`)
	require.ErrorContains(t, err, "check constraint")
}
