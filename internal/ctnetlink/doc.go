// Package ctnetlink reads the kernel's connection tracking table, nf_conntrack,
// over netlink (ctnetlink): whole-table dumps, DESTROY events that cannot get
// lost, and the events of closing TCP connections, all decoded straight into
// [accounting.Flow].
//
// It guarantees constant memory: flows are decoded into slices that are used
// again, and nothing is allocated per flow. It guarantees that a damaged
// message is counted, never guessed at. It never changes the table, and of the
// system's settings only those sysctls it is told to.
//
// Everything here needs CAP_NET_ADMIN in the user namespace that owns the
// network namespace, for as long as it runs. Another network namespace also
// needs CAP_SYS_ADMIN, in [OpenNamespace] only.
package ctnetlink
