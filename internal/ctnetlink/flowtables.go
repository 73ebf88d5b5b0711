package ctnetlink

import (
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Attributes and flags of flowtables (enum nft_flowtable_attributes, enum
// nft_flowtable_flags) that the unix package lacks.
const (
	nftaFlowtableTable = 1 // NFTA_FLOWTABLE_TABLE
	nftaFlowtableName  = 2 // NFTA_FLOWTABLE_NAME
	nftaFlowtableFlags = 7 // NFTA_FLOWTABLE_FLAGS, Linux 5.8

	nftFlowtableCounter = 2 // NFT_FLOWTABLE_COUNTER, Linux 5.7
)

// A Flowtable is a table of nftables that offloads flows: their packets pass by
// the rest of netfilter, conntrack's counters included.
type Flowtable struct {
	Family  string // of its nftables table: ip, ip6 or inet
	Table   string
	Name    string
	Counter bool // conntrack counts the packets of offloaded flows all the same
}

// Flowtables lists the flowtables of the namespace. Only the administrator sees
// them; a kernel without nf_tables has none.
func Flowtables(ns *Namespace) (tables []Flowtable, err error) {
	err = ns.Do(func() error {
		conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
		if err != nil {
			return err
		}
		tables, err = flowtables(conn)
		return errors.Join(err, conn.Close())
	})
	if err != nil {
		return nil, fmt.Errorf("listing flowtables: %w", explain(err))
	}
	return tables, nil
}

func flowtables(conn *netlink.Conn) (tables []Flowtable, err error) {
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{
			Type:  unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETFLOWTABLE,
			Flags: netlink.Request | netlink.Dump,
		},
		Data: []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, 0},
	})
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP):
		return nil, nil // no nf_tables, or one older than flowtables
	case err != nil:
		return nil, err
	}
	for _, reply := range replies {
		table, err := parseFlowtable(reply.Data)
		if err != nil {
			return nil, err
		}
		tables = append(tables, table)
	}
	return tables, nil
}

func parseFlowtable(reply []byte) (t Flowtable, err error) {
	if len(reply) < nfgenmsgLen {
		return t, errTruncated
	}
	t.Family = nftFamily(reply[0])
	for b := reply[nfgenmsgLen:]; len(b) > 0; {
		kind, value, rest, err := nextAttribute(b)
		if err != nil {
			return t, err
		}
		switch kind {
		case nftaFlowtableTable:
			t.Table = cString(value)
		case nftaFlowtableName:
			t.Name = cString(value)
		case nftaFlowtableFlags:
			var flags uint32
			if err := getUint32(value, &flags); err != nil {
				return t, err
			}
			t.Counter = flags&nftFlowtableCounter != 0
		}
		b = rest
	}
	return t, nil
}

// nftFamily returns a family as nft writes it.
func nftFamily(family uint8) string {
	switch family {
	case unix.NFPROTO_IPV4:
		return "ip"
	case unix.NFPROTO_IPV6:
		return "ip6"
	case unix.NFPROTO_INET:
		return "inet"
	}
	return fmt.Sprint(family)
}
