package ctnetlink

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/testkit"
)

// threadNamespace identifies the network namespace of the calling thread.
func threadNamespace() (string, error) { return os.Readlink("/proc/thread-self/ns/net") }

func TestOpenNamespace(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "ip")
	n := testkit.NewNetns(t)
	var want string
	require.NoError(t, n.Do(func() (err error) {
		want, err = threadNamespace()
		return err
	}))
	own, err := threadNamespace()
	require.NoError(t, err)
	require.NotEqual(t, own, want)
	tests := []struct{ name, namespace, want string }{
		{"by name", n.Name, want},
		{"by path", n.Path(), want},
		{"current", "", own},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ns := open(t, test.namespace)
			var got string
			require.NoError(t, ns.Do(func() (err error) {
				got, err = threadNamespace()
				return err
			}))
			require.Equal(t, test.want, got)
			after, err := threadNamespace()
			require.NoError(t, err)
			require.Equal(t, own, after)
			process, err := os.Readlink("/proc/self/ns/net")
			require.NoError(t, err)
			require.Equal(t, own, process)
		})
	}
}

func TestOpenNamespaceErrors(t *testing.T) {
	t.Parallel()
	testkit.Need(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(pipe, 0o600))
	_, err := OpenNamespace(pipe)
	require.ErrorContains(t, err, "it is not a network namespace")
	_, err = OpenNamespace("no-such-namespace")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, `network namespace "no-such-namespace" not found`)

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = OpenNamespace(file)
	require.ErrorContains(t, err, "not a network namespace")
}

func TestNamespaceClose(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "ip")
	ns, err := OpenNamespace(testkit.NewNetns(t).Name)
	require.NoError(t, err)
	d, err := NewDumper(ns, Filter{})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	broken := errors.New("broken")
	require.ErrorIs(t, ns.Do(func() error { return broken }), broken)
	require.NoError(t, ns.Close())
	require.NoError(t, ns.Close())
	require.Error(t, ns.Do(func() error { return nil }))
	require.Empty(t, dumpAll(t, d), "sockets stay in the namespace")
}

func TestSysctls(t *testing.T) {
	t.Parallel()
	n, ns := tracked(t)
	sendUDP(t, n, unix.AF_INET, 4000, 7)
	for _, name := range []string{Acct, Timestamp, Events} {
		for _, value := range []int{0, 1} {
			require.NoError(t, ns.SetSysctl(name, value))
			got, err := ns.Sysctl(name)
			require.NoError(t, err)
			require.Equal(t, value, got)
		}
	}
	count, err := ns.Sysctl(Count)
	require.NoError(t, err)
	require.Equal(t, 7, count)
	limit, err := ns.Sysctl(Max)
	require.NoError(t, err)
	require.Positive(t, limit)

	_, err = ns.Sysctl("nf_conntrack_nonsense")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Error(t, ns.SetSysctl("nf_conntrack_nonsense", 1))
	require.Error(t, ns.SetSysctl(Acct, -1))

	table, err := TableStats(ns)
	require.NoError(t, err)
	require.Equal(t, Table{Entries: 7, Max: uint64(limit)}, table)
}

// Without CAP_NET_ADMIN nothing works, and every error names the capability.
func TestWithoutNetAdmin(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "ip")
	require.True(t, HasNetAdmin())
	n := testkit.NewNetns(t)
	var has bool
	var dump, destroy, closing, table, offload error
	require.NoError(t, n.Do(func() error { // a thread that is not used again
		if err := dropNetAdmin(); err != nil {
			return err
		}
		has = HasNetAdmin()
		ns := new(Namespace)
		d, err := NewDumper(ns, Filter{})
		if err != nil {
			return err
		}
		_, dump = d.Dump(func([]accounting.Flow) {})
		_, destroy = ListenDestroy(ns, 1<<20, nil)
		_, closing = ListenClose(ns, 1<<20, nil)
		_, table = TableStats(ns)
		_, offload = Flowtables(ns)
		return d.Close()
	}))
	require.False(t, has)
	for _, err := range []error{dump, destroy, closing, table, offload} {
		require.ErrorIs(t, err, os.ErrPermission)
		require.ErrorContains(t, err, "CAP_NET_ADMIN")
	}
}

// dropNetAdmin drops the capability from the calling thread, which must be
// locked.
func dropNetAdmin() error {
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	return unix.Capset(&header, &data[0])
}
