package execd

import (
	"errors"
	"fmt"

	"github.com/BurntSushi/toml"
)

// document is a parsed configuration file. Only its table [[kind.name]] is used.
type document struct {
	path, kind, name string

	md  toml.MetaData
	top map[string]toml.Primitive
}

// header returns the wanted table's header as it stands in a file.
func (d *document) header() string { return "[[" + d.kind + "." + d.name + "]]" }

// describe names a key as it stands in the file.
func (d *document) describe(key toml.Key) string {
	switch d.md.Type(key...) {
	case "Hash":
		return "table [" + key.String() + "]"
	case "ArrayHash":
		return "table [[" + key.String() + "]]"
	}
	return fmt.Sprintf("key %q", key[len(key)-1])
}

func (d *document) errorAt(key toml.Key, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if line := d.line(key); line > 0 {
		return fmt.Errorf("%s: line %d: %w", d.path, line, err)
	}
	return fmt.Errorf("%s: %w", d.path, err)
}

// line returns the line of a key, or of the nearest table around it that has
// one; 0 when none has, since tables can be implied.
func (d *document) line(key toml.Key) int {
	for ; len(key) > 0; key = key[:len(key)-1] {
		err := d.md.PrimitiveDecode(d.find(key), &locator{})
		if at, ok := errors.AsType[toml.ParseError](err); ok && at.Position.Line > 0 {
			return at.Position.Line
		}
	}
	return 0
}

// find returns the value of a key; within an array of tables, the value in the last
// table that has it. It marks the tables on the way as decoded, so list unknown keys
// before calling it.
func (d *document) find(key toml.Key) toml.Primitive {
	value := d.top[key[0]]
	for _, name := range key[1:] {
		tables := make([]map[string]toml.Primitive, 1)
		// Decoding anything else into a map succeeds, and leaves it empty.
		if _ = d.md.PrimitiveDecode(value, &tables[0]); len(tables[0]) == 0 {
			_ = d.md.PrimitiveDecode(value, &tables)
		}
		for _, table := range tables {
			if v, ok := table[name]; ok {
				value = v
			}
		}
	}
	return value
}

// locator refuses to be decoded. The toml package gives the position of a key only in
// the error that it makes of such a refusal.
type locator struct{}

var errLocated = errors.New("located")

func (*locator) UnmarshalTOML(any) error { return errLocated }
