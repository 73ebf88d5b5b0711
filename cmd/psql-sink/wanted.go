package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
	"telegraf-conntrack-accounting/internal/summary"
)

// wanted is the traffic that the user asks about.
type wanted struct {
	filter store.Filter
	choice summary.Choice // by names and networks, which find looks up
}

// define defines the switches.
func (w *wanted) define(flags *flag.FlagSet) {
	for name, list := range map[string]*[]string{"src": &w.choice.Src, "dst": &w.choice.Dst, "host": &w.choice.Host} {
		usage := "only traffic with this " + name + "; several `values` with commas between them"
		if name != "host" {
			usage += ": names, addresses, or networks for all that is in them"
		}
		flags.Func(name, usage, func(text string) error {
			*list = append(*list, text)
			return nil
		})
	}
	for name, list := range map[string]*[]string{"proto": &w.filter.Proto, "port": &w.filter.Port} {
		flags.Func(name, "only traffic with this "+name+"; several `values` with commas between them", func(text string) error {
			*list = append(*list, strings.Split(strings.ToLower(text), ",")...)
			return nil
		})
	}
}

func (w *wanted) check() error {
	if err := numberPorts(w.filter.Port); err != nil {
		return fmt.Errorf("-port %w", err)
	}
	return nil
}

// find looks up the values that are stored of what was chosen.
func (w *wanted) find(ctx context.Context, db *store.DB, stderr io.Writer) error {
	notes, err := summary.Choose(ctx, db, &w.filter, w.choice)
	tell(stderr, "I!", notes)
	return err
}

// tell prints notes, a line each.
func tell(stderr io.Writer, level string, notes []string) {
	for _, note := range notes {
		_, _ = fmt.Fprintf(stderr, "%s %s\n", level, printable.Line(note))
	}
}

// numberPorts replaces names of services by their numbers.
func numberPorts(ports []string) error {
	for i, port := range ports {
		if port == "other" { // as the tables call it
			ports[i] = "-1"
			continue
		}
		if n, err := strconv.Atoi(port); err == nil && n >= -1 && n <= 65535 {
			continue
		}
		n, err := net.LookupPort("tcp", port)
		if err != nil {
			n, err = net.LookupPort("udp", port)
		}
		if err != nil || port == "" {
			return fmt.Errorf("%q is neither a port, -1 for those that are not told apart, nor a service of /etc/services", port)
		}
		ports[i] = strconv.Itoa(n)
	}
	return nil
}
