// Package ctnetlink reads the kernel's connection tracking table, nf_conntrack,
// over netlink (ctnetlink): whole-table dumps, reliable DESTROY events, and the
// events of closing TCP connections, all decoded straight into [accounting.Flow].
//
// Its memory is constant: it decodes flows into slices that it reuses, and allocates
// nothing per flow. It counts damaged messages and never guesses their content. It never
// changes the table, and writes only the sysctls that [Namespace.SetSysctl] names.
//
// Everything here needs CAP_NET_ADMIN in the user namespace that owns the network
// namespace, as long as it runs. [OpenNamespace] also needs CAP_SYS_ADMIN for another
// network namespace.
package ctnetlink
