// Package accounting turns readings of conntrack entries into traffic per
// series.
//
// A [Tracker] is fed with the records of dumps, with DESTROY events and with
// the UPDATE events of closing connections, and returns what was sent since
// the last time it was asked. It guarantees that each byte, packet and
// connection the kernel counted after the baseline is accounted exactly once,
// in whichever order dumps and events reach it, and to the peer that opened
// the connection.
//
// It does no I/O, reads no clock (callers pass the time) and takes no lock
// (callers serialise their calls).
package accounting
