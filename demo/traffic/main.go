// Command traffic makes the demo gateway's traffic: "traffic serve" answers on
// the ports of a few services, "traffic talk" connects to them from every given
// address, at modest rates, until it is told to end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

var errUsage = errors.New("usage: traffic serve -on ADDRESSES | traffic talk -on ADDRESSES -to ADDRESSES")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "traffic:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errUsage
	}
	var own, servers addresses
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.Var(&own, "on", "own addresses, separated by commas")
	flags.Var(&servers, "to", "servers' addresses, separated by commas")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch {
	case args[0] == "serve" && len(own) > 0:
		return serve(ctx, own)
	case args[0] == "talk" && len(own) > 0 && len(servers) > 0:
		return talk(ctx, own, servers)
	}
	return errUsage
}

// addresses is a flag's value: a list separated by commas.
type addresses []netip.Addr

func (a *addresses) String() string { return fmt.Sprint(*a) }

func (a *addresses) Set(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return err
		}
		*a = append(*a, addr)
	}
	return nil
}
