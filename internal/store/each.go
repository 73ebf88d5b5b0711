package store

import (
	"context"
	"database/sql"
)

// queryer is a pool of connections, or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scanner copies the columns of a row into variables.
type scanner func(columns ...any) error

// eachRow calls row for each row of a query's result.
func eachRow(ctx context.Context, on queryer, row func(scanner) error, query string, args ...any) error {
	rows, err := on.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// listOf returns what row makes of each row of a query's result.
func listOf[T any](ctx context.Context, on queryer, row func(scanner, *T) error, query string, args ...any) (list []T, err error) {
	err = eachRow(ctx, on, func(scan scanner) error {
		var item T
		err := row(scan, &item)
		list = append(list, item)
		return err
	}, query, args...)
	return list, err
}
