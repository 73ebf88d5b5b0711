package testkit

import (
	"fmt"
	"sync"
	"testing"
)

// shared is the server that all tests of this process share. It starts when the
// first of them wants a database; its guard ends it when the process has ended.
var shared struct {
	sync.Mutex
	server    *PG
	databases int
	templates map[string]string // name of a template to that of its database
}

// Database makes an empty database of one test's own on a shared server.
func Database(t testing.TB) *PG {
	t.Helper()
	shared.Lock()
	p := another(t)
	shared.Unlock()
	p.create("")
	return p
}

// DatabaseLike makes a copy of a template: a database that the first test to name
// it prepares, and then leaves.
func DatabaseLike(t testing.TB, template string, prepare func(*PG)) *PG {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.templates[template] == "" {
		p := another(t)
		p.create("")
		prepare(p)
		shared.templates[template] = p.database
	}
	p := another(t)
	p.create(shared.templates[template])
	return p
}

// another names a database, on the server that it starts if there is none.
func another(t testing.TB) *PG {
	t.Helper()
	if shared.server == nil {
		setup := PGSetup{Settings: []string{"max_connections=200", "shared_buffers=128MB"}}
		shared.server, shared.templates = setup.start(t), map[string]string{}
	}
	shared.databases++
	p := *shared.server
	p.t, p.server = t, nil
	p.use(fmt.Sprintf("vpn%d", shared.databases))
	t.Cleanup(p.showLog)
	return &p
}
