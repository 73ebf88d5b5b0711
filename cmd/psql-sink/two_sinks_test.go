package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Two sinks at once, of two gateways or of one that is collected twice, over
// days that neither has made yet.
func TestTwoSinks(t *testing.T) {
	const reports, rows = 60, 300
	lines := func(host string) string {
		var text strings.Builder
		for n := range reports {
			for i := range rows {
				fmt.Fprintf(&text, "conntrack_accounting,host=%s,src=10.%d.%d.0,dst=10.33.%d.0,proto=tcp,port=%d "+
					"src_packets=1i,src_bytes=%di,dst_packets=1i,dst_bytes=1i,open_connections=2i %d\n",
					host, n%4, i/8, i%8, 80+i%3, i, epoch+int64(n)*3600e9)
			}
		}
		return text.String()
	}
	for name, hosts := range map[string][]string{"two hosts": {"gw1", "gw2"}, "the same": {"gw1", "gw1"}} {
		t.Run(name, func(t *testing.T) {
			pg := testkit.Postgres(t)
			var programs []*program
			var group sync.WaitGroup
			for _, host := range hosts {
				p := build(t, pg.DSN())
				programs = append(programs, p)
				in, out := io.Pipe()
				sink := p.start(in)
				group.Go(func() {
					if _, err := io.WriteString(out, lines(host)); err != nil {
						t.Errorf("writing to a sink: %v", err)
					}
					_ = out.Close()
					if err := sink.Wait(); err != nil {
						t.Errorf("ending a sink: %v", err)
					}
				})
			}
			group.Wait()
			for _, p := range programs {
				if p.waiting() > 0 { // more than it had time for at its end
					rest := p.start(nil, "watch")
					p.drained()
					end(t, rest)
				}
				for _, level := range []string{"W! ", "E! "} {
					require.NotContains(t, p.log.String(), level)
				}
			}
			db := pg.DB()
			different := map[bool]int{true: 1, false: 2}[hosts[0] == hosts[1]]
			var found, deadlocks, waiting int
			require.NoError(t, db.QueryRow(`SELECT (SELECT count(*) FROM vpn_traffic), (SELECT sum(deadlocks) FROM pg_stat_database),
				(SELECT count(*) FROM pg_locks WHERE NOT granted)`).Scan(&found, &deadlocks, &waiting))
			require.Equal(t, different*reports*rows, found)
			require.Zero(t, deadlocks)
			require.Zero(t, waiting)
			testkit.RequireExact(t, db)
		})
	}
}
