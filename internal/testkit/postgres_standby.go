package testkit

import (
	"github.com/stretchr/testify/require"
)

// Standby makes a streaming replica of the server and starts it. It takes over
// the server's configuration, and s comes on top.
func (p *PG) Standby(s PGSetup) *PG {
	p.t.Helper()
	Need(p.t, "pg_basebackup")
	standby := newPG(p.t, s)
	p.t.Cleanup(standby.remove)
	standby.must("pg_basebackup", "-h", p.dir, "-U", "postgres", "-D", standby.data(),
		"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
	standby.configure(s)
	standby.Start()
	return standby
}

// Promote makes a primary of a replica.
func (p *PG) Promote() {
	p.t.Helper()
	db := p.open("postgres")
	defer func() { _ = db.Close() }()
	var done bool
	require.NoError(p.t, db.QueryRow("SELECT pg_promote()").Scan(&done))
	require.True(p.t, done, "the replica was not promoted; its log is %s", p.log)
}
