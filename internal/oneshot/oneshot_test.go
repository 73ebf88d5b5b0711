package oneshot

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOneShot(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"telegraf --config x --test":            true,
		"/usr/bin/telegraf -once":               true,
		"telegraf --test=true":                  true,
		"telegraf --once=1 --config x":          true,
		"telegraf --test=false --once=0":        false,
		"telegraf --test-wait 10":               true,
		"telegraf --test-wait=0":                false,
		"telegraf-custom --test-wait=5":         true,
		"telegraf --config --test.conf":         false,
		"telegraf -- --test":                    false,
		"telegraf test once":                    false,
		"telegraf":                              false,
		"":                                      false,
		"/bin/sh --test":                        false,
		"/opt/telegraf/bin/supervisor --test":   false,
		"telegraf --config x.conf --debug --q=": false,
	} {
		require.Equal(t, want, isOneShot(strings.Split(line, " ")), line)
	}
}

func TestParentOf(t *testing.T) {
	t.Parallel()
	require.Equal(t, os.Getppid(), parentOf(os.Getpid()))
	require.Zero(t, parentOf(1<<30))
}
