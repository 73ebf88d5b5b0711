package notation_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"telegraf-conntrack-accounting/internal/accounting"
	"telegraf-conntrack-accounting/internal/notation"
)

func ExampleNetworks() {
	networks, err := notation.Networks(strings.NewReader("# prefix,name[,key=value...]\n10.32.0.0/11,Campus\n10.32.1.0/24,Library,site=north\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	n := networks.Find(netip.MustParseAddr("10.32.1.7"))
	fmt.Println(n.Prefix, n.Name, n.Keys)
	_, err = notation.Networks(strings.NewReader("10.32.1.7/24,Library\n"))
	fmt.Println(err)
	// Output:
	// 10.32.1.0/24 Library [{site north}]
	// line 1: "10.32.1.7/24" has bits set beyond its prefix length: did you mean "10.32.1.0/24"?
}

func ExampleAddPorts() {
	ports := &accounting.Ports{}
	for _, entry := range []string{"tcp:443", "8000-8001"} {
		if err := notation.AddPorts(ports, entry, net.LookupPort); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(ports.Of(6, 443), ports.Of(17, 443), ports.Of(17, 8001))
	// Output: 443 -1 8001
}

func ExampleIPv4Mask() {
	mask, err := notation.IPv4Mask("255.239.255.0")
	masks := accounting.Masks{IPv4: mask}
	fmt.Println(&masks, err)
	// Output: 255.239.255.0 and /0 <nil>
}
