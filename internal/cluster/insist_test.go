package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"telegraf-conntrack-accounting/internal/testkit"
)

// insist starts a Telegraf as often as it takes, like systemd, until it logs that it has
// connected.
func insist(t testing.TB, agent testkit.Agent, connected string) *testkit.Child {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; {
		child := agent.Start(t)
		for !ended(child) && time.Now().Before(deadline) {
			if strings.Contains(child.Stderr(), connected) {
				return child
			}
			time.Sleep(20 * time.Millisecond)
		}
		require.True(t, time.Now().Before(deadline), child.Stderr())
	}
}

func ended(child *testkit.Child) bool {
	select {
	case <-child.Ended():
		return true
	default:
		return false
	}
}
