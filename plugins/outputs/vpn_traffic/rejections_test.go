package vpn_traffic

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRejectionsOfASenderAreLoggedNowAndThen(t *testing.T) {
	var r rejections
	now := time.Unix(0, 0)
	for _, step := range []struct {
		sender string
		after  time.Duration
		before int
		logged bool
	}{
		{"a", 0, 0, true},
		{"a", time.Second, 0, false},
		{"b", 0, 0, true},
		{"a", time.Second, 0, false},
		{"a", rejectionsEvery, 6, true},
		{"a", time.Second, 0, false},
	} {
		now = now.Add(step.after)
		before, logged := r.due(step.sender, now, 3)
		require.Equal(t, []any{step.before, step.logged}, []any{before, logged}, step)
	}
	for n := range 10 * rejectionSenders {
		r.due(fmt.Sprint(n), now, 1)
	}
	require.LessOrEqual(t, len(r.of), rejectionSenders)
}
