package accounting

// A stage is how much is left of a series' key when MaxSeries leaves no room for all of
// it.
type stage int

const (
	whole            stage = iota
	foldPort               // port -1 of the pair, and one value for GroupBy's keys
	foldSources            // all sources of a family in one group: by destination and protocol
	foldDestinations       // all destinations too: by protocol
	foldProtocols          // all protocols too: one series for each family
	stages
)

// someProtocols stands for several protocols: IANA has reserved the number, so no packet
// has it.
const someProtocols = 255

// fold returns what the stage leaves of the key.
func (k SeriesKey) fold(to stage, splits bool) SeriesKey {
	if to >= foldPort {
		k = SeriesKey{Src: k.Src, Dst: k.Dst, Proto: k.Proto, Port: OtherPorts, Folded: splits}
	}
	if to >= foldSources {
		k.Src = k.Src.family()
	}
	if to >= foldDestinations {
		k.Dst = k.Dst.family()
	}
	if to >= foldProtocols {
		k.Proto = someProtocols
	}
	return k
}

// family returns the group that holds all addresses of the group's family.
func (g Group) family() Group {
	if g.Is4() {
		return everything4
	}
	return everything6
}

// room is how many series an interval may have before one of each stage is not
// made any more. The last stage always has room, for its two families.
type room [stages]int

// roomOf shares out MaxSeries: a quarter of it is for folded series, half of
// that for those of the first stage.
func roomOf(limit int) room {
	rest := limit / 4
	return room{whole: limit - rest, foldPort: limit - rest/2, foldSources: limit - rest/4, foldDestinations: limit}
}

// has reports whether there is room for a series of the stage. Series that begin with an
// unanswered flow get half of the room at most: anyone can send such flows, from any
// address. So they cannot take the detail of the rest: a quarter of MaxSeries stays.
func (r *room) has(s stage, series, unanswered int, answered bool) bool {
	return s == foldProtocols || series < r[s] && (answered || unanswered < r[s]/2)
}

// Folded counts readings that MaxSeries folded, by what they lost. Each counter
// includes the next one.
type Folded struct {
	Ports, Sources, Destinations, Protocols uint64
}

// add counts a reading that a stage folded, if it did.
func (f *Folded) add(to stage) {
	switch to {
	case foldProtocols:
		f.Protocols++
		fallthrough
	case foldDestinations:
		f.Destinations++
		fallthrough
	case foldSources:
		f.Sources++
		fallthrough
	case foldPort:
		f.Ports++
	}
}
