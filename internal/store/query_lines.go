package store

import (
	"context"
	"strings"

	"github.com/lib/pq"
)

// Line is the traffic of one of what is asked for, in the whole range. Its
// counters are whole numbers as the database writes them, for a float holds no
// more than 9 petabytes to the byte.
type Line struct {
	Values   []string // in the order of LineColumns
	Counters []string // in the order of CounterColumns
}

// CounterColumns are the counters of a Line; connection_times is in ms.
func CounterColumns() []string {
	return []string{"src_packets", "src_bytes", "dst_packets", "dst_bytes", "connection_count", "connection_times"}
}

// Dimensions are what lines can be made by.
func Dimensions() []string {
	return []string{"total", "src", "dst", "pair", "service", "proto", "port", "host"}
}

// LineColumns are the values of a Line, nil for what no lines are made by.
func LineColumns(by string) []string {
	switch by {
	case "total":
		return []string{}
	case "src", "dst":
		return []string{by, by + "_name"}
	case "pair":
		return []string{"src", "src_name", "dst", "dst_name"}
	case "service":
		return []string{"proto", "port"}
	case "proto", "port", "host":
		return []string{by}
	}
	return nil
}

// Lines returns the traffic of all that by names, the greatest first, or only of
// the top ones, if top is not 0.
func (q *Query) Lines(ctx context.Context, f *Filter, by string, top int) ([]Line, error) {
	keys, from := "key", "'', name, '' FROM vpn_traffic_totals($1, $2, $9, $3, $4, $5, $6, $7)"
	args := f.parameters(top, strings.TrimPrefix(by, "total"))
	if by == "pair" {
		keys, from = "source, destination", "source_name, destination_name FROM vpn_traffic_pairs($1, $2, $3, $4, $5, $6, $7)"
		args = f.parameters(top)
	}
	query := "SELECT ARRAY[" + strings.Join(CounterColumns(), ", ") + "]::text[], " + keys + ", " + from +
		" ORDER BY " + rank(f.Sort) + " DESC NULLS LAST, " + keys + " LIMIT nullif($8::bigint, 0)"
	return ask(ctx, q, func(scan scanner, line *Line) error {
		var key, second, name, secondName string
		err := scan((*pq.StringArray)(&line.Counters), &key, &second, &name, &secondName)
		line.Values = valuesOf(by, key, name)
		if by == "pair" {
			line.Values = []string{key, nameOf(key, name), second, nameOf(second, secondName)}
		}
		return err
	}, query, args...)
}

// valuesOf takes apart what the database calls a line of totals.
func valuesOf(by, key, name string) []string {
	switch by {
	case "total":
		return nil
	case "src", "dst":
		return []string{key, nameOf(key, name)}
	case "service":
		proto, port, _ := strings.Cut(key, "/")
		return []string{proto, portOf(port)}
	case "port":
		return []string{portOf(key)}
	}
	return []string{key}
}

// nameOf is the name in a label such as "team one (10.32.1.0)", "" where there is
// none.
func nameOf(address, label string) string {
	name, _ := strings.CutSuffix(label, " ("+address+")")
	if name == address {
		return ""
	}
	return name
}

func portOf(name string) string {
	if name == "other" {
		return "-1"
	}
	return name
}

// Sorts are what the greatest can be told by.
func Sorts() []string { return []string{"bytes", "packets", "connections", "open"} }

// rank is the same in SQL.
func rank(sort string) string {
	switch sort {
	case "packets":
		return "src_packets + dst_packets"
	case "connections":
		return "connection_count"
	case "open":
		return "open_connections"
	}
	return "src_bytes + dst_bytes"
}
