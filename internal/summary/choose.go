package summary

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"telegraf-conntrack-accounting/internal/command"
	"telegraf-conntrack-accounting/internal/printable"
	"telegraf-conntrack-accounting/internal/store"
)

// Choice is the traffic that a user asks for: the texts of each switch, as given.
type Choice struct{ Src, Dst, Host []string }

// Choose translates a choice into stored values, and sets them in the question. A text
// that matches nothing that was ever stored is an error: a typo would otherwise look
// like no traffic. Notes are for the user.
func Choose(ctx context.Context, db *store.DB, q *store.Filter, choice Choice) (notes []string, err error) {
	err = db.Query(ctx, func(a *store.Query) error {
		for _, column := range []struct {
			kind  string
			words []string
			into  *[]string
		}{{"src", choice.Src, &q.Src}, {"dst", choice.Dst, &q.Dst}, {"host", choice.Host, &q.Host}} {
			if len(column.words) == 0 {
				continue
			}
			list, err := a.Values(ctx, column.kind, q.Until)
			if err != nil {
				return err
			}
			known := newStored(column.kind, list)
			for _, word := range column.words {
				values, note, err := known.meant(word)
				if err != nil {
					return err
				}
				*column.into = append(*column.into, values...)
				if note != "" {
					notes = append(notes, note)
				}
			}
			slices.Sort(*column.into)
			*column.into = slices.Compact(*column.into)
		}
		return nil
	})
	return notes, err
}

// stored are the values of a column.
type stored struct {
	kind   string
	list   []store.Value
	called map[string][]string // values, by name and by value
	groups []group
}

// group is a value that is an address or a network. Groups that a mask makes are stored
// as the network's address, without its length.
type group struct {
	value  string
	prefix netip.Prefix
	bare   bool
}

func newStored(kind string, list []store.Value) *stored {
	s := &stored{kind: kind, list: list, called: map[string][]string{}}
	for _, v := range list {
		s.called[v.Value] = append(s.called[v.Value], v.Value)
		if v.Name != "" && v.Name != v.Value {
			s.called[v.Name] = append(s.called[v.Name], v.Value)
		}
		if kind == "host" {
			continue
		}
		if prefix, err := store.ParsePrefix(v.Value); err == nil {
			s.groups = append(s.groups, group{v.Value, prefix.Masked(), !strings.Contains(v.Value, "/")})
		}
	}
	return s
}

// meant returns the values that a text stands for: the whole text as a name or, if
// there is none, each part between commas.
func (s *stored) meant(text string) (values []string, note string, err error) {
	if values, ok := s.called[text]; ok {
		return values, "", nil
	}
	var notes []string
	for word := range strings.SplitSeq(text, ",") {
		found, note, err := s.word(strings.TrimSpace(word))
		if err != nil {
			return nil, "", err
		}
		values = append(values, found...)
		if note != "" {
			notes = append(notes, note)
		}
	}
	return values, strings.Join(notes, "; "), nil
}

func (s *stored) word(word string) (values []string, note string, err error) {
	if values, ok := s.called[word]; ok {
		return values, "", nil
	}
	if prefix, err := netip.ParsePrefix(word); err == nil && s.kind != "host" {
		return s.within(word, prefix.Masked())
	}
	if addr, err := netip.ParseAddr(word); err == nil && s.kind != "host" {
		return s.around(word, addr.Unmap())
	}
	for _, v := range s.list {
		if v.Name != "" && strings.EqualFold(v.Name, word) || strings.EqualFold(v.Value, word) {
			values = append(values, v.Value)
		}
	}
	if len(values) == 0 {
		err = s.nobody(word)
	}
	return values, "", err
}

// within returns the values in a network.
func (s *stored) within(word string, prefix netip.Prefix) (values []string, note string, err error) {
	for _, g := range s.groups {
		if prefix.Bits() <= g.prefix.Bits() && prefix.Contains(g.prefix.Addr()) {
			values = append(values, g.value)
		}
	}
	larger := s.network(prefix.Addr())
	switch {
	case larger.prefix.Bits() >= prefix.Bits():
		larger = group{}
	case len(values) == 0 && larger.value != "":
		return nil, "", fmt.Errorf("-%s %s: no such group: %s, which is stored, holds it and more", s.kind, word, larger.value)
	}
	if len(values) == 0 {
		return nil, "", fmt.Errorf("-%s %s: no such group: nothing that is stored is within it", s.kind, word)
	}
	if larger.value != "" {
		return values, fmt.Sprintf("-%s %s: what is stored as part of %s is not shown", s.kind, word, larger.value), nil
	}
	if bits := s.maskOf(prefix.Addr()); bits < prefix.Bits() {
		note = fmt.Sprintf("-%s %s: stored addresses look like those of networks of /%d or larger: what is found may hold more than was asked for", s.kind, word, bits)
	}
	return values, note, nil
}

// network returns the smallest stored network that holds an address. It ignores the
// network of all addresses, which floods are folded into.
func (s *stored) network(addr netip.Addr) (best group) {
	for _, g := range s.groups {
		if !g.bare && g.prefix.Contains(addr) && g.prefix.Bits() > best.prefix.Bits() && g.prefix.Bits() > 0 {
			best = g
		}
	}
	return best
}

// around returns the group that an address is in: the smallest network, or the masked
// address. The mask is not stored, so maskOf guesses it.
func (s *stored) around(word string, addr netip.Addr) (values []string, note string, err error) {
	best := s.network(addr)
	if best.value == "" {
		masked, err := addr.Prefix(s.maskOf(addr))
		if err != nil {
			return nil, "", s.nobody(word)
		}
		for _, g := range s.groups {
			if g.bare && g.prefix.Addr() == masked.Addr() {
				best = g
			}
		}
	}
	if best.value == "" {
		return nil, "", s.nobody(word)
	}
	return []string{best.value}, fmt.Sprintf("-%s %s: stored as part of %s, which is shown", s.kind, word, best.value), nil
}

// maskOf guesses the mask that made the stored addresses of a family: the shortest one,
// in whole bytes, that changes none of them. A mask that is too long finds nothing; one
// that is too short would find another customer.
func (s *stored) maskOf(addr netip.Addr) int {
	bits, found := 0, false
	for _, g := range s.groups {
		at := g.prefix.Addr()
		if !g.bare || at.BitLen() != addr.BitLen() {
			continue
		}
		found = true
		for bits < at.BitLen() && netip.PrefixFrom(at, bits).Masked().Addr() != at {
			bits += 8
		}
	}
	if !found {
		return addr.BitLen()
	}
	return bits
}

// nobody returns the error for a text that matches nothing, with a similar name.
func (s *stored) nobody(word string) error {
	what := map[string]string{"src": "source", "dst": "destination", "host": "gateway"}[s.kind]
	hint := ""
	if near := s.nearest(word); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", printable.Line(near))
	}
	return fmt.Errorf("-%s %q: up to the end of this range, nothing is stored of a %s of that name or address%s", s.kind, word, what, hint)
}

func (s *stored) nearest(word string) string {
	as := map[string]string{} // the name as stored, by the name in lower case
	for name := range s.called {
		as[strings.ToLower(name)] = name
	}
	return as[command.Nearest(word, slices.Sorted(maps.Keys(as)))]
}
