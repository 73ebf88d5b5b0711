package notation

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/printable"
)

// Networks reads a list of networks, CSV: prefix,name[,key=value...]. A
// line that begins with # is a comment. An error names the line.
func Networks(r io.Reader) (*accounting.Networks, error) {
	lines := csv.NewReader(r)
	lines.FieldsPerRecord, lines.TrimLeadingSpace, lines.ReuseRecord, lines.Comment = -1, true, true, '#'
	n := &accounting.Networks{}
	for {
		record, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if bad := (*csv.ParseError)(nil); errors.As(err, &bad) {
			return nil, fmt.Errorf("line %d: %w", bad.StartLine, bad.Err)
		}
		if err != nil {
			return nil, err
		}
		if err := addNetwork(n, record); err != nil {
			line, _ := lines.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// addNetwork adds the network of a line.
func addNetwork(to *accounting.Networks, fields []string) error {
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	if strings.HasPrefix(fields[0], "#") {
		return nil
	}
	prefix, err := Prefix(fields[0])
	if err != nil {
		return err
	}
	if len(fields) < 2 || fields[1] == "" {
		return fmt.Errorf("network %s has no name: want prefix,name[,key=value...]", prefix)
	}
	if err := checkTagValue("name", fields[1]); err != nil {
		return err
	}
	keys, err := parseTags(fields[2:])
	if err != nil {
		return err
	}
	return to.Add(accounting.Network{Prefix: prefix, Name: fields[1], Keys: keys})
}

var tagKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// takenKeys would become tags, src_KEY and dst_KEY, of a name that is taken:
// by the tags of the network's own name, or by fields.
var takenKeys = []string{"name", "packets", "bytes"}

// parseTags reads key=value pairs.
func parseTags(fields []string) ([]accounting.Tag, error) {
	var tags []accounting.Tag
	for _, field := range fields {
		if field == "" {
			continue // spreadsheets pad short lines with empty fields
		}
		key, value, ok := strings.Cut(field, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case !ok || value == "":
			return nil, fmt.Errorf("%q: want key=value", field)
		case !tagKey.MatchString(key):
			return nil, fmt.Errorf("key %q: want at most 64 letters, digits and _, and no digit first", key)
		case slices.Contains(takenKeys, key):
			return nil, fmt.Errorf("key %q is reserved: choose another", key)
		case slices.ContainsFunc(tags, func(t accounting.Tag) bool { return t.Key == key }):
			return nil, fmt.Errorf("key %q is listed twice", key)
		}
		if err := checkTagValue(key, value); err != nil {
			return nil, err
		}
		tags = append(tags, accounting.Tag{Key: key, Value: value})
	}
	return tags, nil
}

// checkTagValue refuses what line protocol cannot express as a tag's value:
// a metric with such a tag would be lost as a whole.
func checkTagValue(key, value string) error {
	const longest = 255
	switch {
	case len(value) > longest:
		return fmt.Errorf("%s %.20q... is longer than %d bytes", key, value, longest)
	case !utf8.ValidString(value):
		return fmt.Errorf("%s %q is not valid UTF-8", key, value)
	case strings.ContainsFunc(value, unfit):
		return fmt.Errorf("%s %q holds a control character or a backslash", key, value)
	}
	return nil
}

// unfit reports whether a character has no place in a tag: line protocol cannot express
// it, or it does not stand for itself.
func unfit(r rune) bool { return r == '\\' || !printable.Rune(r) }
