package execd

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

// openTerminal returns both ends of a pseudo-terminal.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = keyboard.Close() })
	var number int
	require.NoError(t, control(keyboard, func(fd int) (err error) {
		if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN)
		return err
	}))
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = terminal.Close() })
	return keyboard, terminal
}

// TestTerminal checks that somebody can try the programs by hand.
func TestTerminal(t *testing.T) {
	t.Parallel()
	config, stored := storeConfig(t, "")
	for _, c := range []struct {
		kind, typed string
		args        []string
		seen        func(*testkit.Child) string
		want, end   string
	}{
		{"input", "\n", nil, (*testkit.Child).Stdout, "gather=1i", "gather=2i"},
		{"output", "a f=1i 1\n", []string{"-config", config}, func(*testkit.Child) string { return read(t, stored) }, "a ", "close"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			keyboard, terminal := openTerminal(t)
			cmd := child(c.kind, c.args...)
			cmd.Stdin = terminal
			process := testkit.StartChild(t, cmd)
			_, err := keyboard.WriteString(c.typed)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return strings.Contains(c.seen(process), c.want) }, 20*time.Second, 10*time.Millisecond)
			process.Signal(unix.SIGINT)
			require.NoError(t, process.Wait(20*time.Second))
			require.Contains(t, c.seen(process), c.end)
			if c.kind == "input" {
				require.Contains(t, process.Stderr(), "I! waiting for requests to gather: press Enter to gather, Ctrl-D to end")
			}
		})
	}
}
