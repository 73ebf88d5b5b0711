package sandbox

import (
	"reflect"
	"slices"
)

// A Profile is what a program needs while it runs.
type Profile struct {
	Read  []string // files, each with its folder, and folders
	Usual []string // likewise, where they are there
	Write []string // folders to read, too, in which files are made, replaced and removed
	Move  bool     // files move between folders

	Proc    bool // read /proc
	Sysctls bool // write below /proc/sys/net

	Inet       bool // connect over IPv4 and IPv6
	Accept     bool // accept connections at sockets that listen already
	Netlink    int  // the protocol of its netlink sockets
	Namespaces bool // enter network namespaces

	// Processes says that it opens what /proc has of other processes. Landlock hides that,
	// so it stays off.
	Processes bool
}

// Equal reports whether two profiles are the same.
func (p *Profile) Equal(other *Profile) bool {
	a, b := *p, *other
	for _, list := range []*[]string{&a.Read, &a.Usual, &a.Write, &b.Read, &b.Usual, &b.Write} {
		*list = slices.Sorted(slices.Values(*list))
	}
	return reflect.DeepEqual(a, b)
}

// Enter confines the process for good. What cannot be done is left out, and is in the
// Status.
func Enter(p Profile) Status {
	s := privileges() // no call tells of them later
	s.Landlock, s.Missing = p.restrictFiles(&s)
	s.Seccomp = p.restrictCalls(&s)
	return s
}
