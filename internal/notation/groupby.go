package notation

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"telegraf-conntrack-accounting/internal/accounting"
)

// GroupBy reads the keys of group_by: zone, mark, mark/0xff, family,
// source_port_range, source_port_range/1024.
func GroupBy(keys []string) (accounting.GroupBy, error) {
	var g accounting.GroupBy
	var seen []string
	for _, s := range keys {
		name, argument, given := strings.Cut(s, "/")
		if slices.Contains(seen, name) {
			return g, fmt.Errorf("%q: the key is listed twice", s)
		}
		seen = append(seen, name)
		if err := addKey(&g, name, argument, given); err != nil {
			return g, fmt.Errorf("%q: %w", s, err)
		}
	}
	return g, nil
}

func addKey(g *accounting.GroupBy, name, argument string, given bool) (err error) {
	switch {
	case name == "zone" && !given:
		g.Zone = true
	case name == "family" && !given:
		g.Family = true
	case name == "mark":
		g.MarkMask, err = parseMarkMask(argument, given)
	case name == "source_port_range":
		g.SourcePorts, err = parseRangeSize(argument, given)
	default:
		err = errors.New(`unknown key: want "zone", "mark", "mark/0xff", "family", "source_port_range" or "source_port_range/1024"`)
	}
	return err
}

func parseMarkMask(s string, given bool) (uint32, error) {
	if !given {
		return 0xffffffff, nil
	}
	mask, err := strconv.ParseUint(s, 0, 32)
	if err != nil || mask == 0 {
		return 0, errors.New("want a mask of 32 bits that is not 0, such as mark/0xff")
	}
	return uint32(mask), nil
}

func parseRangeSize(s string, given bool) (int, error) {
	if !given {
		return accounting.PortRanges, nil
	}
	size, err := strconv.Atoi(s)
	if err != nil || size < 1 || size > 32_768 {
		return 0, errors.New("want 1 to 32768 ports in a range, such as source_port_range/1024")
	}
	return size, nil
}
