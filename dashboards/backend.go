package main

// A measure is what a chart shows of traffic.
type measure int

const (
	sentBits measure = iota // per second
	receivedBits
	bits // both ways
	sentPackets
	receivedPackets
	packets
	connectionRate
	lifetime // of connections that closed, ms on average
	open     // connections, on average
)

// A line of a chart. Those of one query are of the same columns.
type line struct {
	label string
	measure
}

// selection is the traffic that a panel shows.
type selection int

const (
	everything  selection = iota // of the chosen gateways
	chosen                       // by all variables of Groups and Who talks to whom
	asOpener                     // of the source that is chosen
	asResponder                  // of the same group, where others open connections to it
)

// backend is a database that dashboards query. The common dashboards are made of these
// methods.
type backend interface {
	name() string
	title() string
	source() *source
	choose() *variable // the variable that chooses the datasource
	annotations() []annotation
	comparisons(names ...string) []*variable // what before and capacity go by
	variables(names ...string) []*variable   // for the values of columns
	over(what selection, lines ...line) object
	by(what selection, column string, m measure, top int) []object
	tops(what selection, columns ...string) []*variable // for by, where it takes any
	before(what selection, lines ...line) []object      // the same lines, some time ago
	capacity() []object                                 // of the link, as a line
	ranking(what selection, column string, top int) (object, []object)
}
