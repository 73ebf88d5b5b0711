package execd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strings"

	"github.com/BurntSushi/toml"
)

// LookupEnv finds an environment variable, as os.LookupEnv does.
type LookupEnv func(name string) (value string, found bool)

// LoadConfig reads a plugin's configuration file into plugin, a pointer to a
// struct with toml tags. The file holds exactly one [[kind.name]] table, such
// as [[inputs.conntrack_accounting]], and nothing else. A key that the plugin does
// not know is an error: refusing to start is better than ignoring a setting. Every
// error names the file and, where known, the line. Several findings are joined, one
// per line.
//
// In strings, ${VAR} and ${VAR:-default} stand for environment variables, and
// $${ for a literal ${.
func LoadConfig(path, kind, name string, lookup LookupEnv, plugin any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w for %s: let that user's group read it, for example: chgrp telegraf %s; chmod 640 %s", err, whoWeAre(), path, path)
	}
	if err != nil {
		return fmt.Errorf("reading the configuration: %w", err)
	}
	return decodeConfig(path, string(text), kind, name, lookup, plugin)
}

// whoWeAre returns the user that this process runs as.
func whoWeAre() string {
	if who, err := user.Current(); err == nil {
		return "user " + who.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}

func decodeConfig(path, text, kind, name string, lookup LookupEnv, plugin any) error {
	doc := &document{path: path, kind: kind, name: name}
	var err error
	if doc.md, err = toml.Decode(text, &doc.top); err != nil {
		return doc.syntaxError(text, err)
	}
	table, err := doc.table()
	if err != nil {
		return err
	}
	if err := doc.expandEnv(table, lookup); err != nil {
		return err
	}
	if err := doc.md.PrimitiveDecode(table, plugin); err != nil {
		return doc.valueError(err)
	}
	return doc.unknownKeys(plugin)
}

// table returns the [[kind.name]] table, if it is the file's only one.
func (d *document) table() (toml.Primitive, error) {
	var none toml.Primitive
	for _, key := range d.md.Keys() {
		if key[0] != d.kind || len(key) > 1 && key[1] != d.name {
			return none, d.errorAt(key, "unexpected %s: this file holds one %s table and nothing else; "+
				"settings of Telegraf itself belong in telegraf.conf", d.describe(key), d.header())
		}
	}
	path := toml.Key{d.kind, d.name}
	if !d.md.IsDefined(path...) {
		return none, fmt.Errorf("%s: there is no %s table", d.path, d.header())
	}
	if d.md.Type(path...) != "ArrayHash" {
		return none, d.errorAt(path, "the plugin's table must begin with %s", d.header())
	}
	var tables []toml.Primitive
	if err := d.md.PrimitiveDecode(d.find(path), &tables); err != nil {
		return none, d.valueError(err)
	}
	if len(tables) > 1 {
		// The parser keeps the position of the last header only.
		return none, d.errorAt(path, "a second %s table: one process runs one plugin; "+
			"give another one a file of its own", d.header())
	}
	return tables[0], nil
}

// unknownKeys reports each key that was not decoded into the plugin; of an
// unknown table only the table itself.
func (d *document) unknownKeys(plugin any) error {
	var errs []error
	reported := "\x00"
	for _, key := range d.md.Undecoded() {
		if strings.HasPrefix(key.String()+".", reported) {
			continue
		}
		reported = key.String() + "."
		errs = append(errs, d.errorAt(key, "unknown %s%s", d.describe(key), hint(key, plugin)))
	}
	return errors.Join(errs...)
}

// valueError rewrites an error of the toml package about a value. Its text
// names the line and the key already.
func (d *document) valueError(err error) error {
	return fmt.Errorf("%s: %s", d.path, strings.TrimPrefix(err.Error(), "toml: "))
}

func (d *document) syntaxError(text string, err error) error {
	parse, ok := errors.AsType[toml.ParseError](err)
	if !ok {
		return d.valueError(err)
	}
	n := parse.Position.Line
	advice := ""
	if lines := strings.Split(text, "\n"); n > 0 && n <= len(lines) && strings.Contains(lines[n-1], "${") {
		advice = `; an environment variable must stand in quotes, as in "${VAR}"`
	}
	if parse.LastKey != "" {
		return fmt.Errorf("%s: line %d (last key %q): %s%s", d.path, n, parse.LastKey, parse.Message, advice)
	}
	return fmt.Errorf("%s: line %d: %s%s", d.path, n, parse.Message, advice)
}
