package testkit

import (
	"fmt"

	"github.com/lib/pq"
)

// AddShard has a head ask another database, too.
func (p *PG) AddShard(name string, shard *PG) {
	p.t.Helper()
	name = pq.QuoteIdentifier(name)
	p.Exec(fmt.Sprintf(`CREATE SERVER %s FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '%s', dbname '%s', connect_timeout '2')`, name, shard.Dir(), shard.Name()),
		fmt.Sprintf(`CREATE USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (user 'postgres')`, name))
}
