package ctnetlink

import (
	"encoding/binary"
	"errors"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// errNoSubsystem means that the kernel lacks a netfilter subsystem, or is older than a
// message of it.
var errNoSubsystem = errors.New("the kernel has no such netfilter subsystem")

// list asks a netfilter subsystem for all of its objects of one kind.
func list(conn *netlink.Conn, kind netlink.HeaderType, request []byte) ([]netlink.Message, error) {
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: kind, Flags: netlink.Request | netlink.Dump},
		Data:   request,
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, errNoSubsystem
	}
	return replies, err
}

// attributes reads struct nfgenmsg, which begins each reply, and returns a decoder of
// the attributes after it. Where speed matters, decode reads them instead.
func attributes(reply netlink.Message) (family uint8, ad *netlink.AttributeDecoder, err error) {
	if len(reply.Data) < nfgenmsgLen {
		return 0, nil, errTruncated
	}
	if ad, err = netlink.NewAttributeDecoder(reply.Data[nfgenmsgLen:]); err != nil {
		return 0, nil, err
	}
	ad.ByteOrder = binary.BigEndian
	return reply.Data[0], ad, nil
}
