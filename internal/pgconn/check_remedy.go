package pgconn

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"telegraf-conntrack-accounting/internal/check"
)

// withRemedy adds what to do about why a host takes no rows.
func (r *reply) withRemedy(f check.Finding) check.Finding {
	switch {
	case isReadOnly(r.err):
		return f.Do("name the primary in dsn, or end its default_transaction_read_only")
	case isUntrusted(r.err):
		return f.Do("check sslmode and sslrootcert in dsn, and the certificate of the server")
	case pq.As(r.err, pqerror.InvalidCatalogName) != nil:
		return f.Do("make the database, or mend dbname in dsn").
			Run("%s --template=template0 --encoding=UTF8 %s", adminTool(r.config, "createdb"), check.Quote(r.config.Database))
	case pq.As(r.err, pqerror.InvalidAuthorizationSpecification, pqerror.InvalidPassword) != nil:
		return r.withRole(f)
	case pq.As(r.err, pqerror.TooManyConnections) != nil:
		return f.Do("raise max_connections in postgresql.conf, or the role's CONNECTION LIMIT")
	case strings.Contains(r.err.Error(), "unsupported startup parameter"):
		return f.Do("leave role, search_path and options out of dsn: pgbouncer does not pass them on")
	}
	return f.Do("check host and port in dsn, and whether Postgres runs there").
		Run("pg_isready -h %s -p %s", check.Quote(r.config.Host), strconv.Itoa(int(r.config.Port)))
}

// installed returns where a file is that was installed with this program: below /usr by a
// package, below /usr/local from source.
func installed(file string) string {
	program, err := os.Executable()
	if err != nil {
		program = "/usr/bin/psql-sink"
	}
	return filepath.Join(filepath.Dir(program), "..", "share", "telegraf-conntrack-accounting", file)
}

// withRole adds what to do where the role is not let in.
func (r *reply) withRole(f check.Finding) check.Finding {
	if strings.Contains(r.err.Error(), "does not exist") {
		return f.Do("mend user in dsn, or make the roles").
			Run("%s -d %s -f %s", adminTool(r.config, "psql"), check.Quote(r.config.Database), check.Quote(installed("roles.sql")))
	}
	return f.Do("let pg_hba.conf, and pg_ident.conf for peer, say how the role logs in; the password is in .pgpass (PGPASSFILE) or a service file")
}
