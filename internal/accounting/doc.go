// Package accounting turns readings of conntrack entries into traffic per
// series.
//
// A [Tracker] gets the records of dumps, DESTROY events and the UPDATE events of closing
// connections, and returns what was sent in an interval. It accounts each byte, packet
// and connection that the kernel counted after the baseline exactly once, in whichever
// order dumps and events reach it, and to the peer that opened the connection.
//
// It does no I/O, reads no clock (callers pass the time) and takes no lock (callers
// serialize their calls).
//
// The two directions of a flow have conntrack's names in this package: original, from
// the opener to the responder, and reply, back. Users see them as sent and received.
package accounting
