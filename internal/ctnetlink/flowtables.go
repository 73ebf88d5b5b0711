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
	replies, err := list(conn, unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETFLOWTABLE, Filter{}.request())
	if errors.Is(err, errNoSubsystem) {
		return nil, nil
	}
	for _, reply := range replies {
		table, err := decodeFlowtable(reply)
		if err != nil {
			return nil, err
		}
		tables = append(tables, table)
	}
	return tables, err
}

func decodeFlowtable(reply netlink.Message) (t Flowtable, err error) {
	family, ad, err := attributes(reply)
	if err != nil {
		return t, err
	}
	t.Family = nftFamily(family)
	for ad.Next() {
		switch ad.Type() {
		case nftaFlowtableTable:
			t.Table = ad.String()
		case nftaFlowtableName:
			t.Name = ad.String()
		case nftaFlowtableFlags:
			t.Counter = ad.Uint32()&nftFlowtableCounter != 0
		}
	}
	return t, ad.Err()
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
