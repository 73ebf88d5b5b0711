package ctnetlink

import (
	"testing"

	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// canned returns a connection to a kernel that answers a dump request of the
// kind with the given messages.
func canned(t *testing.T, kind netlink.HeaderType, replies ...[]byte) *netlink.Conn {
	t.Helper()
	return dialCanned(t, func(requests []netlink.Message) ([]netlink.Message, error) {
		require.Len(t, requests, 1)
		require.Equal(t, kind, requests[0].Header.Type)
		require.Equal(t, netlink.Request|netlink.Dump, requests[0].Header.Flags)
		header := netlink.Header{Sequence: requests[0].Header.Sequence, PID: requests[0].Header.PID, Flags: netlink.Multi}
		messages := make([]netlink.Message, 0, len(replies)+1)
		for _, reply := range replies {
			messages = append(messages, netlink.Message{Header: header, Data: reply})
		}
		header.Type = netlink.Done
		return append(messages, netlink.Message{Header: header, Data: make([]byte, 4)}), nil
	})
}

// refusing returns a connection to a kernel that answers with an error.
func refusing(t *testing.T, errno unix.Errno) *netlink.Conn {
	t.Helper()
	return dialCanned(t, func(requests []netlink.Message) ([]netlink.Message, error) {
		requests[0].Header.Flags = 0 // the flags of a dump mean others in an error
		return nltest.Error(int(errno), requests)
	})
}

func dialCanned(t *testing.T, fn nltest.Func) *netlink.Conn {
	t.Helper()
	conn := nltest.Dial(fn)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return conn
}

// message returns the payload of a message of netfilter.
func message(family uint8, attributes ...[]byte) []byte {
	b := []byte{family, unix.NFNETLINK_V0, 0, 0}
	for _, a := range attributes {
		b = append(b, a...)
	}
	return b
}

// text is a string attribute, nested one that holds others.
func text(kind uint16, value string) []byte { return attribute(kind, append([]byte(value), 0)...) }

func nested(kind uint16, attributes ...[]byte) []byte {
	return attribute(kind|unix.NLA_F_NESTED, message(0, attributes...)[nfgenmsgLen:]...)
}
