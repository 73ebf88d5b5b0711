package store_test

import (
	"database/sql"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// What other tests rely on sees every kind of damage.
func testExact(t *testing.T, db *store.DB, direct *sql.DB) {
	mustImport(t, db, "gw", random(rand.New(rand.NewPCG(3, 4)), 500))
	testkit.RequireExact(t, direct)
	for table, damage := range map[string]string{
		"vpn_traffic":                     `INSERT INTO vpn_traffic SELECT * FROM vpn_traffic LIMIT 1`,
		"vpn_traffic_by_src":              `DELETE FROM vpn_traffic_by_src WHERE src = '10.32.0.0'`,
		"vpn_traffic_by_dst":              `UPDATE vpn_traffic_by_dst SET open_connections = NULL`,
		"vpn_traffic_by_port":             `INSERT INTO vpn_traffic_by_port SELECT * FROM vpn_traffic_by_port LIMIT 1`,
		"vpn_traffic_minute_by_src":       `UPDATE vpn_traffic_minute_by_src SET connection_times = 0`,
		"vpn_traffic_minute_by_dst":       `UPDATE vpn_traffic_minute_by_dst SET dst_bytes = dst_bytes + 1`,
		"vpn_traffic_minute_by_port":      `UPDATE vpn_traffic_minute_by_port SET host = 'other'`,
		"vpn_traffic_minute_total_by_src": `DELETE FROM vpn_traffic_minute_total_by_src WHERE src = '10.32.1.0'`,
		"vpn_traffic_minute_total_by_dst": `UPDATE vpn_traffic_minute_total_by_dst SET src_packets = src_packets + 1`,
		"vpn_traffic_hour_by_src":         `INSERT INTO vpn_traffic_hour_by_src VALUES ('2023-11-14 21:00Z', 0, 0, 0, 0, 0, 0, NULL, -1, 'gre', 'gw', 'x')`,
		"vpn_traffic_hour_by_dst":         `UPDATE vpn_traffic_hour_by_dst SET time = time + interval '1 day'`,
		"vpn_traffic_hour_by_port":        `DELETE FROM vpn_traffic_hour_by_port`,
		"vpn_traffic_hour_by_pair":        `UPDATE vpn_traffic_hour_by_pair SET src_packets = src_packets - 1`,
		"vpn_traffic_minute_reports":      `UPDATE vpn_traffic_minute_reports SET reports = reports + 1`,
		"vpn_traffic_hour_reports":        `UPDATE vpn_traffic_hour_reports SET tracked = 0`,
		"vpn_traffic_values":              `UPDATE vpn_traffic_values SET first_day = first_day + 1`,
	} {
		tx, err := direct.Begin()
		require.NoError(t, err)
		_, err = tx.Exec(damage)
		require.NoError(t, err, damage)
		wrong, err := testkit.InexactIn(tx, beginning, end)
		require.NoError(t, err)
		require.Contains(t, wrong, table)
		require.NoError(t, tx.Rollback())
	}
}
