// Package summary shows the traffic of a range: as tables on a terminal, as CSV, and as
// a page of HTML with charts that needs no script and no network.
//
// It calls the same functions of the database as the dashboards, and changes nothing.
package summary

import (
	"context"
	"time"

	"telegraf-conntrack-accounting/internal/store"
)

// Summary is the traffic of a range.
type Summary struct {
	Filter store.Filter
	Total  store.Total // without a name when there was no traffic

	Sources, Destinations, Services []store.Total
	Pairs                           []store.Pair
	Matrix                          []store.Pair // more of them
	WholeHours                      bool         // what the sums of pairs are of

	Traffic  []store.Point // over time, all together
	BySource []store.Point // over time, of the greatest sources
	Interval time.Duration // between reports, 0 if not known

	Notes []string // where the tables do not cover exactly the range
}

// points is how many points a line has.
const points = 120

// linesOfChart is how many lines have colours that can be told apart.
const linesOfChart = 8

// pairsOfMatrix is how many pairs the matrix has room for.
const pairsOfMatrix = 60

// Make queries the database. Each table has at most top rows, and one for all others.
func Make(ctx context.Context, db *store.DB, q store.Filter, top int) (*Summary, error) {
	s := &Summary{Filter: q}
	err := db.Query(ctx, func(a *store.Query) error {
		all, err := a.Totals(ctx, &q, "", top)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return nil
		}
		s.Total = all[0]
		if err := s.doubt(ctx, a); err != nil {
			return err
		}
		for by, list := range map[string]*[]store.Total{"src": &s.Sources, "dst": &s.Destinations, "service": &s.Services} {
			if *list, err = a.Totals(ctx, &q, by, top); err != nil {
				return err
			}
		}
		if s.Matrix, err = a.Pairs(ctx, &q, max(top, pairsOfMatrix)); err != nil {
			return err
		}
		s.Pairs = s.Matrix[:min(top, len(s.Matrix))]
		if s.Traffic, err = a.Series(ctx, &q, s.step(), "", top); err != nil {
			return err
		}
		if s.BySource, err = a.Series(ctx, &q, s.step(), "src", linesOfChart); err != nil {
			return err
		}
		s.Interval, err = a.Interval(ctx, &q)
		return err
	})
	return s, err
}

// doubt sets the notes on tables that do not cover exactly the range, and WholeHours,
// which the title of the table of pairs has instead.
func (s *Summary) doubt(ctx context.Context, a *store.Query) error {
	var doubts caveats
	for _, by := range []string{"", "src", "dst", "service"} {
		if err := doubts.look(ctx, a, &s.Filter, by); err != nil {
			return err
		}
	}
	if err := doubts.listen(ctx, a); err != nil {
		return err
	}
	s.Notes = doubts.notes()
	pairs, err := a.Coverage(ctx, &s.Filter, "pair")
	s.WholeHours = pairs.Hours
	return err
}

// step returns the shortest step of the charts.
func (s *Summary) step() time.Duration { return s.Filter.Until.Sub(s.Filter.Since) / points }
