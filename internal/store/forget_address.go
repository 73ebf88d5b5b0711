package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"telegraf-conntrack-accounting/internal/schema"
)

// Address is a value of src or dst, with the days, in UTC, of its first and last
// traffic: zero where only its name is known.
type Address struct {
	Text        string
	First, Last time.Time
}

// Addresses returns the values of src and dst that lie within one of the prefixes,
// and apart from them those that hold a prefix and others too.
func (db *DB) Addresses(ctx context.Context, prefixes []netip.Prefix) (within, wider []Address, err error) {
	err = eachRow(ctx, db.Pool, func(scan scanner) error {
		var a Address
		var first, last sql.NullTime
		if err := scan(&a.Text, &first, &last); err != nil {
			return err
		}
		a.First, a.Last = first.Time.UTC(), last.Time.UTC()
		value, err := ParsePrefix(a.Text)
		switch {
		case err != nil: // an older version let in what is not an address
		case slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Overlaps(value) && p.Bits() <= value.Bits() }):
			within = append(within, a)
		case slices.ContainsFunc(prefixes, value.Overlaps):
			wider = append(wider, a)
		}
		return nil
	}, `SELECT value, min(first), max(last) FROM (
			SELECT value, first_day AS first, last_day AS last FROM vpn_traffic_values WHERE kind IN ('src', 'dst')
			UNION ALL SELECT src, (min(time) AT TIME ZONE 'UTC')::date, (max(time) AT TIME ZONE 'UTC')::date FROM vpn_traffic_hour_by_src GROUP BY src
			UNION ALL SELECT dst, (min(time) AT TIME ZONE 'UTC')::date, (max(time) AT TIME ZONE 'UTC')::date FROM vpn_traffic_hour_by_dst GROUP BY dst
			UNION ALL SELECT address, NULL, NULL FROM vpn_traffic_name_history) AS known
		GROUP BY value ORDER BY value`)
	if err != nil {
		return nil, nil, explainMissing(fmt.Errorf("looking for addresses: %w", err))
	}
	return within, wider, nil
}

// ParsePrefix parses an address or a network.
func ParsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	address, err := netip.ParseAddr(text)
	return netip.PrefixFrom(address, address.BitLen()), err
}

// forgetAddresses deletes the rows of a day that have one of the addresses at either
// end, and what sums have of them. What these rows have added to the sums of others
// goes, too, where the rows of the day are all there to add up the rest; elsewhere
// such a sum no longer tells whose traffic it was.
func (f *Forgotten) forgetAddresses(ctx context.Context, tx *sql.Tx, day time.Time) error {
	dropped, err := gone(ctx, tx, day)
	if err != nil {
		return err
	}
	missing, err := lost(ctx, tx, day)
	if err != nil {
		return err
	}
	if err := f.forgetRows(ctx, tx, day); err != nil {
		return err
	}
	for _, t := range schema.Rollups {
		ends := slices.DeleteFunc(slices.Clone(t.Columns), func(column string) bool { return column != "src" && column != "dst" })
		if len(ends) == 0 {
			continue
		}
		condition, args := f.where(day, ends...)
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+t.Name+` WHERE `+condition, args...); err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
	}
	if dropped["raw"] || missing > 0 {
		return nil
	}
	_, err = verifyDay(ctx, tx, day, dropped, true)
	return err
}

// forgetRows deletes rows, and reports that had no others: verify would miss their
// rows.
func (f *Forgotten) forgetRows(ctx context.Context, tx *sql.Tx, day time.Time) error {
	condition, args := f.where(day, "src", "dst")
	_, err := tx.ExecContext(ctx, `
		WITH gone AS (DELETE FROM vpn_traffic WHERE `+condition+` RETURNING host, time)
		DELETE FROM vpn_traffic_reports AS r USING (SELECT DISTINCT host, time FROM gone) AS g
		WHERE r.host = g.host AND r.time = g.time AND NOT r.expired AND NOT EXISTS (
			SELECT FROM (SELECT * FROM vpn_traffic WHERE NOT (`+condition+`)) AS others
			WHERE others.host = r.host AND others.time = r.time)`, args...)
	if err != nil {
		return fmt.Errorf("vpn_traffic: %w", err)
	}
	return nil
}
