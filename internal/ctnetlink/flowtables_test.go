package ctnetlink

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"telegraf-conntrack-accounting/internal/testkit"
)

const getFlowtables = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETFLOWTABLE

func TestCannedFlowtables(t *testing.T) {
	t.Parallel()
	reply := func(family uint8, name string, more ...[]byte) []byte {
		attributes := [][]byte{text(nftaFlowtableTable, "filter"), text(nftaFlowtableName, name), attribute(4, 0, 0, 0, 1)} // NFTA_FLOWTABLE_USE
		return message(family, append(attributes, more...)...)
	}
	tables, err := flowtables(canned(t, getFlowtables,
		reply(unix.NFPROTO_INET, "old kernel"),
		reply(unix.NFPROTO_IPV4, "plain", attribute(nftaFlowtableFlags, 0, 0, 0, 0)),
		reply(unix.NFPROTO_IPV6, "hardware", attribute(nftaFlowtableFlags, 0, 0, 0, 1)),
		reply(7, "counter", attribute(nftaFlowtableFlags, 0, 0, 0, 2)),
		reply(unix.NFPROTO_INET, "both", attribute(nftaFlowtableFlags, 0, 0, 0, 3)),
	))
	require.NoError(t, err)
	require.Equal(t, []Flowtable{
		{Family: "inet", Table: "filter", Name: "old kernel"},
		{Family: "ip", Table: "filter", Name: "plain"},
		{Family: "ip6", Table: "filter", Name: "hardware"},
		{Family: "7", Table: "filter", Name: "counter", Counter: true},
		{Family: "inet", Table: "filter", Name: "both", Counter: true},
	}, tables)
}

func TestNoFlowtables(t *testing.T) {
	t.Parallel()
	tables, err := flowtables(canned(t, getFlowtables))
	require.NoError(t, err)
	require.Empty(t, tables)
	for _, errno := range []unix.Errno{unix.EINVAL, unix.EOPNOTSUPP} { // no nf_tables
		tables, err := flowtables(refusing(t, errno))
		require.NoError(t, err)
		require.Empty(t, tables)
	}
	_, err = flowtables(refusing(t, unix.EPERM))
	require.ErrorIs(t, err, os.ErrPermission)
}

func TestDamagedFlowtables(t *testing.T) {
	t.Parallel()
	whole := message(unix.NFPROTO_INET, text(nftaFlowtableName, "f"), attribute(nftaFlowtableFlags, 0, 0, 0, 2))
	for name, reply := range map[string][]byte{
		"no header":   whole[:2],
		"cut off":     whole[:len(whole)-1],
		"short flags": message(unix.NFPROTO_INET, attribute(nftaFlowtableFlags, 2)),
	} {
		_, err := flowtables(canned(t, getFlowtables, reply))
		require.Error(t, err, name)
	}
}

// The real kernel: it may have no flowtables, and then answers that it has
// none.
func TestFlowtables(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "ip", "nft")
	n := testkit.NewNetns(t)
	ns := open(t, n.Name)
	tables, err := Flowtables(ns)
	require.NoError(t, err)
	require.Empty(t, tables)

	if err := addFlowtables(n); err != nil {
		t.Skipf("the kernel has no flowtables: %v", err)
	}
	tables, err = Flowtables(ns)
	require.NoError(t, err)
	require.ElementsMatch(t, []Flowtable{
		{Family: "inet", Table: "t", Name: "without"},
		{Family: "inet", Table: "t", Name: "with", Counter: true},
	}, tables)
}

func addFlowtables(n *testkit.Netns) error {
	cmd := n.Command(testkit.Tool("nft"), "-f", "-")
	cmd.Stdin = strings.NewReader(`table inet t {
		flowtable without {
			hook ingress priority 0
			devices = { lo }
		}
		flowtable with {
			hook ingress priority 1
			devices = { lo }
			counter
		}
	}`)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return errors.New(string(out))
	}
	return nil
}

func TestNamespaceIdentity(t *testing.T) {
	t.Parallel()
	testkit.Need(t, "ip")
	n := testkit.NewNetns(t)
	identity := func(ns *Namespace) string {
		t.Helper()
		text, err := ns.Identity()
		require.NoError(t, err)
		return text
	}
	byName := open(t, n.Name)
	require.Equal(t, identity(byName), identity(open(t, n.Path())))
	require.NotEqual(t, identity(byName), identity(open(t, testkit.NewNetns(t).Name)))
	require.NotEqual(t, identity(byName), identity(open(t, "")))
	require.Regexp(t, `^net:\[\d+:\d+:\d+\]$`, identity(byName))

	closed, err := OpenNamespace(n.Name)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	_, err = closed.Identity()
	require.ErrorIs(t, err, errNamespaceClosed)
	_, err = Flowtables(closed)
	require.ErrorIs(t, err, errNamespaceClosed)
}
