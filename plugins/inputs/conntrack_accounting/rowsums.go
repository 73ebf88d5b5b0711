package conntrack_accounting

import "telegraf-conntrack-accounting/internal/reportfile"

// rowSums add up rows of one gather that differ in the keys of group_by only. The
// database identifies a row by time, protocol, groups and port, so it would keep only
// one of them.
type rowSums struct {
	index map[rowKey]int
	rows  []reportfile.Row
}

type rowKey struct {
	proto, src, dst string
	port            int32
}

func (r *rowSums) add(row *reportfile.Row) {
	key := rowKey{row.Proto, row.Src, row.Dst, row.Port}
	i, known := r.index[key]
	if !known {
		if r.index == nil {
			r.index = make(map[rowKey]int)
		}
		r.index[key] = len(r.rows)
		r.rows = append(r.rows, *row)
		return
	}
	sum := &r.rows[i]
	sum.SrcPackets += row.SrcPackets
	sum.SrcBytes += row.SrcBytes
	sum.DstPackets += row.DstPackets
	sum.DstBytes += row.DstBytes
	sum.ConnectionCount += row.ConnectionCount
	sum.ConnectionTimes += row.ConnectionTimes
	sum.OpenConnections += row.OpenConnections
}

// take returns the sums and resets them.
func (r *rowSums) take(fn func(*reportfile.Row)) {
	for i := range r.rows {
		fn(&r.rows[i])
	}
	*r = rowSums{} // the next interval may have far fewer
}
