package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// sankey shows what sources send to and receive from destinations, as bands between them
// whose widths are in proportion to the traffic. Lengths are in thousandths of its height.
type sankey struct {
	Pairs       int // that are in it
	Left, Right []sankeyNode
	Bands       []sankeyBand
}

// sankeyNode is a source or a destination. Small ones have more room than their bands need,
// for the label.
type sankeyNode struct {
	Name, Size  string
	Top, Height float64 // of its bands all together
	Middle      float64 // in percent, for the label

	bytes, next float64 // next is where its next band begins
}

// sankeyBand is the traffic of a pair.
type sankeyBand struct {
	Color int // of the source
	Path  string
	Title string
}

const (
	nodesOfSankey = 8    // and one for all others
	sankeyHeight  = 1000 // of the drawing
	sankeyRoom    = 80   // that a node has at least
	sankeySpace   = 14   // between two nodes
)

func (s *Summary) sankey() (d sankey) {
	flows := make(map[[2]int]float64)
	var sources, destinations nodeList
	for _, pair := range s.Matrix {
		sources.add(pair.SrcName, pair.SrcBytes+pair.DstBytes)
		destinations.add(pair.DstName, pair.SrcBytes+pair.DstBytes)
	}
	if len(sources.nodes) < 2 && len(destinations.nodes) < 2 {
		return d // one band says nothing
	}
	left, right := sources.fold(), destinations.fold()
	for _, pair := range s.Matrix {
		flows[[2]int{left[pair.SrcName], right[pair.DstName]}] += pair.SrcBytes + pair.DstBytes
	}
	scale := min(scaleOf(sources.nodes), scaleOf(destinations.nodes))
	place(sources.nodes, scale)
	place(destinations.nodes, scale)
	for l := range sources.nodes {
		for r := range destinations.nodes {
			if bytes := flows[[2]int{l, r}]; bytes > 0 {
				d.Bands = append(d.Bands, band(l, &sources.nodes[l], &destinations.nodes[r], bytes, scale))
			}
		}
	}
	d.Pairs, d.Left, d.Right = len(s.Matrix), sources.nodes, destinations.nodes
	return d
}

// nodeList is the nodes of one side.
type nodeList struct{ nodes []sankeyNode }

func (l *nodeList) add(name string, bytes float64) {
	at := slices.IndexFunc(l.nodes, func(n sankeyNode) bool { return n.Name == name })
	if at < 0 {
		l.nodes, at = append(l.nodes, sankeyNode{Name: name}), len(l.nodes)
	}
	l.nodes[at].bytes += bytes
}

// fold sorts the nodes, makes one of the smallest, and returns where each name is.
func (l *nodeList) fold() (at map[string]int) {
	slices.SortFunc(l.nodes, func(a, b sankeyNode) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), strings.Compare(a.Name, b.Name))
	})
	at = make(map[string]int)
	for i, n := range l.nodes {
		at[n.Name] = min(i, nodesOfSankey)
	}
	if len(l.nodes) > nodesOfSankey+1 {
		rest := sankeyNode{Name: fmt.Sprintf("%d others", len(l.nodes)-nodesOfSankey)}
		for _, n := range l.nodes[nodesOfSankey:] {
			rest.bytes += n.bytes
		}
		l.nodes = append(l.nodes[:nodesOfSankey], rest)
	}
	for i := range l.nodes {
		n := &l.nodes[i]
		n.Name, n.Size = short(n.Name, axisLetters), octets(n.bytes)
	}
	return at
}

// scaleOf returns the largest height of a byte with which all nodes have room.
func scaleOf(nodes []sankeyNode) float64 {
	nodes = slices.SortedFunc(slices.Values(nodes), func(a, b sankeyNode) int { return cmp.Compare(b.bytes, a.bytes) })
	room := float64(sankeyHeight - sankeySpace*(len(nodes)-1))
	total := 0.0
	for _, n := range nodes {
		total += n.bytes
	}
	scale := 0.0
	// The smallest get the least room, until what is left is enough for all others.
	for i := len(nodes); i > 0; i-- {
		if scale = room / total; nodes[i-1].bytes*scale >= sankeyRoom {
			break
		}
		room -= sankeyRoom
		total -= nodes[i-1].bytes
	}
	return max(scale, 0)
}

// place puts the nodes below each other.
func place(nodes []sankeyNode, scale float64) {
	top := 0.0
	for i := range nodes {
		n := &nodes[i]
		n.Height = n.bytes * scale
		room := max(n.Height, sankeyRoom)
		n.Top = top + (room-n.Height)/2
		n.next, n.Middle = n.Top, (top+room/2)/sankeyHeight*100
		top += room + sankeySpace
	}
}

// band draws what goes between two nodes, at their next places.
func band(color int, from, to *sankeyNode, bytes, scale float64) sankeyBand {
	height := bytes * scale
	a, b := from.next, to.next
	from.next, to.next = a+height, b+height
	return sankeyBand{
		color,
		fmt.Sprintf("M0 %.2fC500 %.2f 500 %.2f 1000 %.2fV%.2fC500 %.2f 500 %.2f 0 %.2fZ", a, a, b, b, b+height, b+height, a+height, a+height),
		fmt.Sprintf("%s → %s: %s", from.Name, to.Name, octets(bytes)),
	}
}
