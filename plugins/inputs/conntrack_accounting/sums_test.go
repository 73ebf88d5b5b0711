package conntrack_accounting

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
)

// requireSums requires that the sums of the last gather are those of its rows, added up
// by the text of their tags: each sum once, at the rows' time, and none besides.
func (l *lab) requireSums() {
	l.t.Helper()
	require.Equal(l.t, sumsOf(l.rows, l.plugin.Sums), byName(l.sums))
}

// sumsOf adds up rows.
func sumsOf(rows []row, kinds []string) map[string]row {
	sums := map[string]row{}
	for _, r := range rows {
		for _, by := range []string{"src", "dst", "port"} {
			if !slices.Contains(kinds, by) {
				continue
			}
			tags := maps.Clone(r.tags)
			maps.DeleteFunc(tags, func(tag, _ string) bool { return !isSummedBy(tag, by) })
			of := row{measurement + "_by_" + by, tags, map[string]interface{}{}, r.at}
			if known, found := sums[nameOf(of)]; found {
				of = known
			}
			for field, value := range r.fields {
				before, _ := of.fields[field].(int64)
				of.fields[field] = before + value.(int64)
			}
			sums[nameOf(of)] = of
		}
	}
	return sums
}

func isSummedBy(tag, by string) bool {
	if by == "port" {
		return tag == "proto" || tag == "port"
	}
	return tag == by || strings.HasPrefix(tag, by+"_")
}

func nameOf(r row) string { return fmt.Sprint(r.name, r.tags, r.at) }

func byName(rows []row) map[string]row {
	found := map[string]row{}
	for n, r := range rows {
		name := nameOf(r)
		if _, twice := found[name]; twice {
			name += fmt.Sprint(" again ", n)
		}
		found[name] = r
	}
	return found
}
