package pgconn

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"telegraf-conntrack-accounting/internal/textfile"
)

// addService adds the parameters of the service that is named, if one is, below
// those that were given.
func (p parameters) addService() error {
	name := p["service"]
	if _, given := p["service"]; !given {
		name = os.Getenv("PGSERVICE")
	}
	delete(p, "service")
	if name == "" {
		return nil
	}
	var places []string
	for _, file := range serviceFiles() {
		found, err := readService(file, name)
		if err != nil {
			return err
		}
		if found == nil {
			places = append(places, file)
			continue
		}
		for keyword, value := range found {
			if _, given := p[keyword]; !given {
				p[keyword] = value
			}
		}
		return nil
	}
	return fmt.Errorf("its service is defined in none of %s; name the service file in PGSERVICEFILE", strings.Join(places, ", "))
}

// serviceFiles are the user's file and the machine's, as libpq looks for them.
// The folder of the latter is Debian's.
func serviceFiles() []string {
	user, system := os.Getenv("PGSERVICEFILE"), os.Getenv("PGSYSCONFDIR")
	if home, err := os.UserHomeDir(); user == "" && err == nil {
		user = filepath.Join(home, ".pg_service.conf")
	}
	if system == "" {
		system = "/etc/postgresql-common"
	}
	files := []string{filepath.Join(system, "pg_service.conf")}
	if user != "" {
		files = append([]string{user}, files...)
	}
	return files
}

// readService returns the parameters of a service, or nil when the file has no
// such section or is not there.
func readService(file, name string) (parameters, error) {
	text, err := textfile.Read(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the service file: %w", err)
	}
	var found parameters
	number := 0
	for line := range strings.Lines(string(text.Text)) {
		number++
		line = strings.Trim(line, spaces)
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '[':
			if found != nil {
				return found, nil
			}
			if line == "["+name+"]" {
				found = make(parameters)
			}
			continue
		case found == nil:
			continue
		}
		keyword, value, ok := strings.Cut(line, "=")
		keyword = strings.TrimRight(keyword, spaces)
		if !ok || keyword == "" || keyword == "service" {
			return nil, fmt.Errorf(`%s: line %d is not "keyword=value"`, file, number)
		}
		found[keyword] = strings.TrimLeft(value, spaces)
	}
	return found, nil
}
