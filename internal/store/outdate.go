package store

import (
	"context"
	"database/sql"
	"slices"
	"time"
)

// quarterMicros is the shortest time that SumUp sums up.
const quarterMicros = 6 * hourMicros

// outdateSums notes that the sums that SumUp has made of the times of the batch do not
// hold any more.
func (i *importing) outdateSums(ctx context.Context) error {
	var quarters []int64
	times, _ := i.batch.times()
	for _, us := range times {
		quarters = append(quarters, floor(us, quarterMicros))
	}
	return outdate(ctx, i.tx, slices.Compact(quarters))
}

// outdateDay does so for a day.
func outdateDay(ctx context.Context, tx *sql.Tx, day time.Time) error {
	var quarters []int64
	for us := day.UnixMicro(); us < day.UnixMicro()+dayMicros; us += quarterMicros {
		quarters = append(quarters, us)
	}
	return outdate(ctx, tx, quarters)
}

func outdate(ctx context.Context, tx *sql.Tx, quarters []int64) error {
	if len(quarters) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT vpn_traffic_outdate($1::timestamptz[])`, timeTexts(quarters))
	return err
}
