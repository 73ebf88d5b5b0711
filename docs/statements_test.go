package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// TestStatements has Postgres, InfluxDB and nft run what the documents show of their
// languages.
func TestStatements(t *testing.T) {
	pg := testkit.Postgres(t)
	pg.Psql(nil, "-f", filepath.Join(testkit.Root(t), "deploy", "roles.sql"))
	pg.Exec(`CREATE ROLE "psql-sink"`)
	db, err := store.Open(pg.DSN() + " role=vpn_traffic_owner")
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context()))
	require.NoError(t, db.Close())
	pg.Exec(`CREATE TABLE vpn_traffic_old (); CREATE TABLE vpn_traffic_upgrade ()`, // which upgrade makes
		`CREATE EXTENSION dblink; GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO vpn_traffic_owner`) // which migrate -head does
	influx, net := testkit.Influx(t, nil), testkit.NewNetns(t)
	block := regexp.MustCompile("(?ms)^```(sql|nft)\n(.*?)^```")
	influx.Query("", "CREATE DATABASE telegraf")
	ran := 0
	for path, text := range files(t, ".md") {
		for _, found := range block.FindAllStringSubmatch(text, -1) {
			file := filepath.Join(t.TempDir(), "block")
			require.NoError(t, os.WriteFile(file, []byte(found[2]), 0o600))
			switch {
			case found[1] == "nft":
				said, err := net.Command("nft", "-f", file).CombinedOutput()
				require.NoError(t, err, "%s: %s%s", path, found[2], said)
			case strings.Contains(found[2], `FROM "conntrack`): // as InfluxQL has it
				influx.Query("telegraf", found[2])
			default:
				said, err := exec.CommandContext(t.Context(), testkit.Tool("psql"), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", pg.DSN(), "-f", file).CombinedOutput()
				require.NoError(t, err, "%s: %s%s", path, found[2], said)
			}
			ran++
		}
	}
	require.Greater(t, ran, 10)
}
