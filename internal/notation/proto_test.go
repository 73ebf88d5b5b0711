package notation

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProtoNames(t *testing.T) {
	for proto, name := range map[uint8]string{
		1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 47: "gre", 58: "ipv6-icmp", 115: "l2tp", 132: "sctp", 136: "udplite", 253: "253",
	} {
		require.Equal(t, name, ProtoName(proto))
	}
}
