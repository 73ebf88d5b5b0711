package conntrack_accounting

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// networksFile returns a path and a function that writes a networks file there,
// each time older than the last.
func networksFile(t *testing.T) (path string, put func(text string)) {
	path = filepath.Join(t.TempDir(), "networks.csv")
	modified := time.Now()
	return path, func(text string) {
		t.Helper()
		modified = modified.Add(-time.Minute)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		require.NoError(t, os.Chtimes(path, time.Time{}, modified))
	}
}

// with returns the tags of those rows of the last gather that have the tag.
func (l *lab) with(tag, value string) (found []map[string]string) {
	for _, r := range l.rows {
		if r.tags[tag] == value {
			found = append(found, r.tags)
		}
	}
	return found
}

// The networks change under live connections: what is sent from then on goes
// to the new groups, and not a byte is lost or doubled. A name is no part of a
// group. A bad file changes nothing.
func TestNetworksChangeUnderLiveConnections(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	file, put := networksFile(t)
	const rest = "10.33.0.0/16,Servers\n2001:db8::/32,Six,owner=ops\n"
	put("10.32.0.0/16,East,site=a,floor=2\n" + rest)
	l.start(func(p *Plugin) {
		p.NetworksFile, p.SourceGroup, p.DestinationGroup = file, "network", "network"
		p.SourceMask = "24"
	})
	conn, conn6 := l.ns.DialTCP(t, "10.32.0.1", "10.33.0.1:80"), l.ns.DialTCP(t, "2001:db8:32::1", "[2001:db8:33::1]:80")
	step := func(src map[string]string) {
		t.Helper()
		require.NoError(t, testkit.Transfer(conn, 3000, 20_000))
		require.NoError(t, testkit.Transfer(conn6, 20_000, 3000))
		l.gather()
		require.Len(t, l.rows, 2)
		require.Equal(t, []map[string]string{{
			"proto": "tcp", "port": "80", "src": "2001:db8::/32", "src_name": "Six", "src_owner": "ops",
			"dst": "2001:db8::/32", "dst_name": "Six", "dst_owner": "ops",
		}}, l.with("dst_name", "Six"))
		want := map[string]string{"proto": "tcp", "port": "80", "dst": "10.33.0.0/16", "dst_name": "Servers"}
		for tag, value := range src {
			want[tag] = value
		}
		require.Equal(t, []map[string]string{want}, l.with("dst_name", "Servers"))
	}
	east := map[string]string{"src": "10.32.0.0/16", "src_name": "East", "src_site": "a", "src_floor": "2"}
	step(east)
	put("10.32.0.0/16,West\n" + rest)
	step(map[string]string{"src": "10.32.0.0/16", "src_name": "West"})
	put("10.32.0.0/16,West\n10.32.0.0/28,Lab\n" + rest)
	lab := map[string]string{"src": "10.32.0.0/28", "src_name": "Lab"}
	step(lab)
	put("10.32.0.0/16,East\n10.32.0.0/48,Lab\n" + rest)
	step(lab)
	step(lab)
	require.Len(t, l.log.with("W! networks_file: "+file+": line 2: "), 1)
	require.NoError(t, os.Remove(file))
	step(lab)
	step(lab)
	require.Len(t, l.log.with("keeping the networks read before"), 2)
	put(rest)
	step(map[string]string{"src": "10.32.0.0"})
	put("10.32.0.0/16,East,site=a,floor=2\n" + rest)
	step(east)
	require.Len(t, l.log.with("3 networks now"), 2)

	l.requireQuiet()
	l.flush()
	l.gather()
	require.Len(t, l.with("src_name", "East"), 1, "the end of the flow")
	l.requireExact()
	require.EqualValues(t, 2, l.closed)
	l.requireForgotten()
	l.requireExact()
}

// Networks and group_by change over a restart: a live connection, and what was
// accounted and not yet gathered, go on without a byte lost or doubled.
func TestNetworksChangeOverARestart(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve()
	file, put := networksFile(t)
	state := filepath.Join(t.TempDir(), "state")
	start := func(by ...string) {
		t.Helper()
		l.start(func(p *Plugin) {
			p.NetworksFile, p.SourceGroup, p.StateFile, p.GroupBy = file, "network", state, by
		})
	}
	put("10.32.0.0/16,East\n")
	start("mark", "source_port_range/1024")
	conn := l.ns.DialTCP(t, "10.32.0.1", "10.33.0.1:80")
	require.NoError(t, testkit.Transfer(conn, 1000, 2000))
	l.gather()
	require.Len(t, l.with("src_name", "East"), 1)
	require.NoError(t, l.ns.UDP("10.32.0.1", "10.33.0.1:53", 2, 100))
	l.requireQuiet()
	l.ns.Exec(t, testkit.Tool("conntrack"), "-D", "-p", "udp") // known to the state alone
	l.plugin.Stop()
	require.NoError(t, testkit.Transfer(conn, 3000, 4000))
	put("10.32.0.0/28,Lab\n")
	start("zone")
	require.NoError(t, testkit.Transfer(conn, 5000, 6000))
	l.gather()
	udp, tcp := l.with("proto", "udp"), l.with("proto", "tcp")
	require.Len(t, udp, 1)
	require.Equal(t, "10.32.0.0/16", udp[0]["src"], "it was accounted before")
	require.Equal(t, []map[string]string{{
		"proto": "tcp", "port": "80", "src": "10.32.0.0/28", "src_name": "Lab", "dst": "10.33.0.1", "ct_zone": "0",
	}}, tcp)
	l.requireExact()
}

// Flows that differ only by zone and mark are series of their own; beyond
// max_series they fold without losing a byte.
func TestGroupByZoneAndMark(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{"apart": 1000, "folded": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.ns.Nft(t, `table inet zones {
				chain zones {
					type filter hook output priority raw;
					udp length 108 ct zone set 1
					udp length 208 ct zone set 2
				}
				chain marks {
					type filter hook output priority mangle;
					udp length 208 ct mark set 0x1ff
				}
			}`)
			l.ns.ListenUDP(t, "10.33.0.1:9")
			client := l.ns.ListenUDP(t, "10.32.0.1:1000")
			l.start(func(p *Plugin) {
				p.GroupBy, p.MaxSeries, p.Ports = []string{"zone", "mark/0xf", "source_port_range"}, limit, []string{}
			})
			send := func() {
				t.Helper()
				for _, size := range []int{100, 200} {
					require.NoError(t, testkit.Spray(client, netip.MustParseAddr("10.33.0.1"), 9, 1, size))
				}
			}
			for round := range 3 {
				send()
				if round == 2 {
					l.flush() // these are known from their end alone
				}
				l.gather()
				require.Len(t, l.rows, 2)
				if limit > 4 {
					require.Len(t, l.with("ct_zone", "1"), 1)
					require.Equal(t, []map[string]string{{
						"proto": "udp", "port": "-1", "src": "10.32.0.1", "dst": "10.33.0.1",
						"ct_zone": "2", "ct_mark": "0xf", "source_port_range": "0-1023",
					}}, l.with("ct_zone", "2"))
				} else {
					require.Equal(t, []map[string]string{{
						"proto": "udp", "port": "-1", "src": "10.32.0.1", "dst": "10.33.0.1",
						"ct_zone": "other", "ct_mark": "other", "source_port_range": "other",
					}}, l.with("ct_zone", "other"))
				}
			}
			l.requireExact()
			require.EqualValues(t, 6, l.sum["udp-src"].Packets)
		})
	}
}
