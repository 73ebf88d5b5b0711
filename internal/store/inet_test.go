package store_test

import (
	"math/rand/v2"
	"testing"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// Readers cast src and dst to inet: Postgres must take every text that a row may
// have there, or one row breaks their queries over all.
func TestEndsOfRowsAreInets(t *testing.T) {
	pg := testkit.Database(t)
	const alphabet = "0123459abf:::::......//F%"
	row := series(noon, 1)[0]
	taken := []string{"::ffff:10.0.0.1", "10.1.2.3/8", "2001:DB8::/32", "::/0", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		text := make([]byte, 2+random.IntN(12))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		row.Src = string(text)
		if row.Check() == nil {
			taken = append(taken, row.Src)
		}
	}
	require.Greater(t, len(taken), 1000)
	var inets int
	query := `SELECT count(text::inet) FROM unnest($1::text[]) AS text`
	require.NoError(t, pg.DB().QueryRow(query, pq.Array(taken)).Scan(&inets))
	require.Equal(t, len(taken), inets)
}
