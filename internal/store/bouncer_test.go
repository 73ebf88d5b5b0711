package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"telegraf-conntrack-accounting/internal/pgconn"
	"telegraf-conntrack-accounting/internal/reportfile"
	"telegraf-conntrack-accounting/internal/schema"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// Behind a pool that gives each transaction another connection, several sinks make
// the schema, import, keep to the retention and say how they are.
func TestSeveralSinksBehindAPool(t *testing.T) {
	t.Parallel()
	pg := testkit.Postgres(t)
	dsn := pg.Bouncer(3)
	var sinks errgroup.Group
	for n := range 4 {
		sinks.Go(func() error {
			db, err := store.Open(dsn)
			if err != nil {
				return err
			}
			defer func() { _ = db.Close() }()
			if err := db.Migrate(t.Context()); err != nil {
				return err
			}
			rows := series(noon, 200)
			rows[n].SrcName = "East"
			for day := range 5 {
				for _, host := range []string{"all", fmt.Sprint("gw", n)} {
					if _, err := importAgain(t, db, host, append(series(noon.AddDate(0, 0, day), 200), rows...)); err != nil {
						return err
					}
				}
				if err := db.SaveStatus(t.Context(), store.Status{Sink: fmt.Sprint(n)}); err != nil {
					return err
				}
				if _, err := db.Retain(t.Context(), time.Now(), schema.Retention{}); err != nil {
					return err
				}
				if err := db.Summarize(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, sinks.Wait())
	direct := pg.DB()
	testkit.RequireExact(t, direct)
	require.Equal(t, "5000 4", query(t, direct, `SELECT count(*) || ' ' || (SELECT count(*) FROM sink_status) FROM vpn_traffic`))

	db, err := store.Open(dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	done, err := db.Retain(t.Context(), time.Now(), schema.Retention{Raw: aDay})
	require.NoError(t, err)
	require.NotEmpty(t, done.Dropped)
	require.Empty(t, differences(t, db, true))
	require.NoError(t, db.Query(t.Context(), func(query *store.Query) error {
		_, err := query.Totals(t.Context(), &store.Filter{Since: noon, Until: time.Now()}, "src", 3)
		return err
	}))
}

// importAgain imports, and again as long as somebody else was in the way.
func importAgain(t *testing.T, db *store.DB, host string, rows []reportfile.Row) (result store.Result, err error) {
	for range 20 {
		if result, err = db.Import(t.Context(), host, rows); !pgconn.IsMomentary(err) {
			break
		}
	}
	return result, err
}
