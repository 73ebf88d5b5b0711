package reportfile

import (
	"strconv"
	"strings"
)

// Append appends the row as one line of a report file and returns the longer
// buffer. The row must pass Check. It allocates nothing once dst has grown.
func Append(dst []byte, r *Row) []byte {
	dst = strconv.AppendInt(dst, r.Time, 10)
	for _, text := range [...]string{r.Proto, r.Src, r.Dst} {
		dst = append(dst, ',')
		dst = append(dst, text...)
	}
	for _, number := range [...]int64{
		int64(r.Port),
		r.SrcPackets, r.DstPackets, r.SrcBytes, r.DstBytes,
		r.ConnectionCount, r.ConnectionTimes,
	} {
		dst = append(dst, ',')
		dst = strconv.AppendInt(dst, number, 10)
	}
	named := r.SrcName != "" || r.DstName != ""
	if r.HasOpen || named {
		dst = append(dst, ',')
	}
	if r.HasOpen {
		dst = strconv.AppendInt(dst, r.OpenConnections, 10)
	}
	if named {
		dst = appendName(append(dst, ','), r.SrcName)
		dst = appendName(append(dst, ','), r.DstName)
	}
	return append(dst, '\n')
}

// appendName quotes a name if it has to be.
func appendName(dst []byte, name string) []byte {
	if !strings.ContainsAny(name, `,"`) {
		return append(dst, name...)
	}
	return append(append(append(dst, '"'), strings.ReplaceAll(name, `"`, `""`)...), '"')
}
