package execd

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/BurntSushi/toml"
)

// envReference matches $${, the escape for a literal ${, and ${VAR} or
// ${VAR:-default}. The default ends at the first closing brace.
var envReference = regexp.MustCompile(`\$\$\{|\$\{([^}:]*)(:-([^}]*))?\}`)

// expandEnv replaces the references to environment variables in all strings
// below a table. It works on parsed values, so that comments do not count,
// lines keep their numbers, and a value cannot turn into more configuration.
func (d *document) expandEnv(table toml.Primitive, lookup LookupEnv) error {
	var values any
	if err := d.md.PrimitiveDecode(table, &values); err != nil {
		return d.valueError(err)
	}
	_, err := d.expand(values, toml.Key{d.kind, d.name}, lookup)
	return err
}

// expand returns value with all references replaced; tables and arrays change
// in place, as the toml package decodes from the same ones later.
func (d *document) expand(value any, key toml.Key, lookup LookupEnv) (any, error) {
	var err error
	switch v := value.(type) {
	case string:
		v, err := expandString(v, lookup)
		if err != nil {
			return nil, d.errorAt(key, "key %q: %w", key[len(key)-1], err)
		}
		return v, nil
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if v[name], err = d.expand(v[name], append(key[:len(key):len(key)], name), lookup); err != nil {
				return nil, err
			}
		}
	case []map[string]any:
		for _, table := range v {
			if _, err := d.expand(table, key, lookup); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = d.expand(v[i], key, lookup); err != nil {
				return nil, err
			}
		}
	}
	return value, nil
}

func expandString(text string, lookup LookupEnv) (string, error) {
	var undefined error
	expanded := envReference.ReplaceAllStringFunc(text, func(reference string) string {
		if reference == "$${" {
			return "${"
		}
		parts := envReference.FindStringSubmatch(reference)
		name, hasDefault, fallback := parts[1], parts[2] != "", parts[3]
		value, found := lookup(name)
		switch {
		case hasDefault && value == "":
			return fallback
		case !found && undefined == nil:
			undefined = fmt.Errorf("environment variable %s is not set; "+
				"set it, or give a default as in ${%s:-default}", name, name)
		}
		return value
	})
	return expanded, undefined
}
