package pgconn

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"

	"github.com/lib/pq"
)

// Files returns the files that connections and the next Open read: those that the dsn or
// the environment names, and those of the user and the machine that are read when they
// are there.
func (db *DB) Files() (named, usual []string) {
	usual = serviceFiles()
	for i := range db.connector.hosts {
		named = append(named, namedFiles(&db.connector.hosts[i])...)
	}
	if home := homeFolder(); home != "" {
		usual = append(usual, filepath.Join(home, ".pgpass"), filepath.Join(home, ".postgresql"))
	}
	slices.Sort(named)
	return slices.Compact(named), usual
}

func namedFiles(config *pq.Config) (files []string) {
	candidates := []string{config.Passfile}
	if !config.SSLInline {
		candidates = append(candidates, config.SSLCert, config.SSLKey, config.SSLRootCert)
	}
	for _, file := range candidates {
		if file != "" && file != "system" { // sslrootcert=system
			files = append(files, file)
		}
	}
	return files
}

// homeFolder is where lib/pq looks for files of the user.
func homeFolder() string {
	if home, err := os.UserHomeDir(); err == nil {
		return home
	}
	if who, err := user.Current(); err == nil {
		return who.HomeDir
	}
	return ""
}

// avoidLoosePassfile takes a password file out of the configuration that others
// may read, as libpq does, and returns what to tell when the login fails then.
// lib/pq would tell it on stderr, at every attempt.
func avoidLoosePassfile(config *pq.Config) error {
	path := config.Passfile
	if home, err := os.UserHomeDir(); path == "" && err == nil {
		path = filepath.Join(home, ".pgpass")
	}
	info, err := os.Stat(path)
	if err != nil || config.Password != "" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	config.Passfile = filepath.Join(os.DevNull, "none")
	return fmt.Errorf("the password file %s was not used, because others may read it: chmod 600 it", path)
}
