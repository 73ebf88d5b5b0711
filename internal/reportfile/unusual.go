package reportfile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What other programs make of reports: CSV with a header line, with quotes around all
// columns, with a comma too many at the end. Where that can mean but one thing it is
// taken, and otherwise named.

var (
	columnNames = strings.Split(order+",open_connections,src_name,dst_name", ",")

	errHeader = errors.New("is a header line")
	errOther  = fmt.Errorf("comes behind a header line of other columns: the order of columns is %s", order)
)

const order = "time_ns,proto,src,dst,port,src_packets,dst_packets,src_bytes,dst_bytes,connection_count,connection_times"

// parseUnusual reads a line that is none as it stands, for a reason. That it has too
// few columns says more than what is wrong with one of them.
func (r *Reader) parseUnusual(line []byte, row *Row, reason error) error {
	columns, err := r.split(line)
	if err != nil {
		return reason
	}
	columns = withoutEmpty(columns)
	if isHeader(columns) {
		return r.header(columns)
	}
	usual := join(columns)
	if !bytes.Equal(usual, line) && r.parseColumns(usual, row) == nil {
		return nil
	}
	if len(columns) < minColumns {
		return tooFew(line, len(columns))
	}
	if errors.Is(reason, errProto) && checkAddress(columns[1]) == nil {
		return fmt.Errorf("%w, but an address: the order of columns is %s", reason, order)
	}
	return reason
}

// split returns the columns of a line without their quotes. Only names may hold what
// these are for.
func (r *Reader) split(line []byte) (columns []string, err error) {
	for more := true; more; {
		var field []byte
		if field, line, more, err = r.cutField(line); err != nil {
			return nil, err
		}
		if len(columns) < maxColumns && bytes.ContainsAny(field, `,"`) {
			return nil, errQuotes
		}
		columns = append(columns, string(field))
	}
	return columns, nil
}

// join is the reverse of split. Only names may be quoted.
func join(columns []string) (line []byte) {
	for n, column := range columns {
		if n > 0 {
			line = append(line, ',')
		}
		if n < maxColumns {
			line = append(line, column...)
		} else {
			line = appendName(line, column)
		}
	}
	return line
}

// withoutEmpty takes what a comma at the end adds to a line, which says nothing.
func withoutEmpty(columns []string) []string {
	for n := len(columns); n > minColumns && n != maxColumns+2 && columns[n-1] == ""; n-- {
		columns = columns[:n-1]
	}
	return columns
}

// isHeader reports whether a line names columns.
func isHeader(columns []string) bool {
	if len(columns) < minColumns {
		return false
	}
	for _, column := range columns {
		column = strings.TrimSpace(column)
		if column == "" || !isLetter(column[0]) || strings.ContainsAny(column, ".:") {
			return false
		}
	}
	return true
}

// header passes over a line that names the columns that there are. Rows behind one that
// names others, or those in another order, could be taken for something that they are
// not.
func (r *Reader) header(columns []string) error {
	for n, column := range columns {
		columns[n] = strings.ToLower(strings.TrimSpace(column))
	}
	if columns[0] == "time" {
		columns[0] = columnNames[0]
	}
	if n := len(columns); (n == minColumns || n == maxColumns || n == len(columnNames)) && slices.Equal(columns, columnNames[:n]) {
		return errHeader
	}
	r.other = r.other || r.rows == 0
	return fmt.Errorf("is a header line of other columns: the order of columns is %s", order)
}

// tooFew says that a line has too few columns, and guesses why.
func tooFew(line []byte, columns int) error {
	for separator, name := range map[byte]string{';': "semicolons", '\t': "tabs"} {
		if bytes.Count(line, []byte{separator}) >= minColumns-1 {
			return fmt.Errorf("has %s between its columns, not commas", name)
		}
	}
	return columnsError(columns)
}
