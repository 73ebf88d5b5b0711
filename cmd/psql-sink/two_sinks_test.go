package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Two sinks at once, of two pairs of gateways or of one pair that is collected
// twice, over days that neither has made yet. The second comes from the other
// end of time. Alternating hosts make each report a transaction.
func TestTwoSinks(t *testing.T) {
	t.Parallel()
	const reports, rows = 20, 100
	put := func(p *program, number, report int, host string) {
		var text strings.Builder
		for i := range rows {
			fmt.Fprintf(&text, "%d,tcp,10.%d.%d.0,10.33.%d.0,%d,1,1,%d,1,1,2,3\n",
				epoch+int64(report)*2400e9, report%4, i/8, i%8, 80+i%3, i)
		}
		name := filepath.Join(p.spool, "new", fmt.Sprintf("%019d-1-%06d_%s.csv", epoch+int64(number), number, host))
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(text.String()), 0o600))
	}
	for name, hosts := range map[string][2][2]string{
		"two pairs": {{"gw1", "gw2"}, {"gw3", "gw4"}},
		"the same":  {{"gw1", "gw2"}, {"gw1", "gw2"}},
	} {
		t.Run(name, func(t *testing.T) {
			pg := testkit.Database(t)
			var programs [2]*program
			for i := range programs {
				programs[i] = build(t, pg.DSN())
				order := make([]int, 2*reports)
				for n := range order {
					order[n] = n
				}
				if i == 1 {
					slices.Reverse(order)
				}
				for n, of := range order {
					put(programs[i], n, of/2, hosts[i][of%2])
				}
			}
			var sinks [2]*exec.Cmd
			for i, p := range programs {
				sinks[i] = p.start(nil, "watch")
			}
			for i, p := range programs {
				p.drained()
				end(t, sinks[i])
				for _, level := range []string{"W! ", "E! "} {
					require.NotContains(t, p.log.String(), level)
				}
			}
			db := pg.DB()
			keys := 2 * reports * rows
			if hosts[0] != hosts[1] {
				keys *= 2
			}
			var found, deadlocks, waiting int
			require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM vpn_traffic), (SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()),
				(SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&found, &deadlocks, &waiting))
			require.Equal(t, keys, found)
			require.Zero(t, waiting)
			t.Logf("%d deadlocks, all resolved", deadlocks)
			testkit.RequireExact(t, db)
		})
	}
}
