package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/testkit"
)

// BenchmarkParts shows the rows/s of reports that come in two parts, of which the second
// is compared with the first, where one gateway sends all reports, and where 50 send theirs
// at the same time.
func BenchmarkParts(b *testing.B) {
	const rows = 5000 // of a report
	for _, gateways := range []int{1, 50} {
		b.Run(fmt.Sprintf("gateways=%d", gateways), func(b *testing.B) {
			db, err := store.Open(testkit.Postgres(b).DSN())
			require.NoError(b, err)
			defer func() { _ = db.Close() }()
			require.NoError(b, db.Migrate(b.Context()))
			at, imported := noon, 0
			for b.Loop() {
				report := series(at, rows)
				at = at.Add(15 * time.Second)
				for half := range 2 {
					for gateway := range gateways {
						_, err := db.Import(b.Context(), fmt.Sprint("gw", gateway), report[half*rows/2:(half+1)*rows/2])
						require.NoError(b, err)
						imported += rows / 2
					}
				}
			}
			b.ReportMetric(float64(imported)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
