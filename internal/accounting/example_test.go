package accounting_test

import (
	"fmt"
	"net/netip"
	"time"

	"telegraf-conntrack-accounting/internal/accounting"
)

// A dump shows a flow, its DESTROY event ends it, and Take returns the series.
func Example() {
	masks := accounting.Masks{IPv4: accounting.PrefixMask(96 + 24), IPv6: accounting.PrefixMask(64)}
	t := accounting.NewTracker(accounting.Config{
		Source:      accounting.Grouping{Masks: masks},
		Destination: accounting.Grouping{Masks: masks},
		MaxSeries:   1000,
		MissingTTL:  15 * time.Minute,
	})
	ports := &accounting.Ports{}
	ports.Add(6, 443, 443)
	t.SetPorts(ports)

	// The baseline: the table is empty.
	start := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	t.BeginBaseline(start)
	t.BeginDump(start)
	t.EndDump(true, true)

	// The next dump shows a flow that began since.
	flow := accounting.Flow{
		ID: 1, Proto: 6, TCPState: 3, Status: 1<<1 | 1<<2, // ESTABLISHED; IPS_SEEN_REPLY, IPS_ASSURED
		Start: start.Add(time.Second).UnixNano(), HasCounters: true,
	}
	flow.Orig.Src = accounting.AddrFrom(netip.MustParseAddr("10.32.1.7"))
	flow.Orig.Dst, flow.Orig.DstPort = accounting.AddrFrom(netip.MustParseAddr("10.33.0.1")), 443
	flow.OrigCounters = accounting.Counters{Packets: 3, Bytes: 300}
	flow.ReplyCounters = accounting.Counters{Packets: 2, Bytes: 2000}
	t.BeginDump(start.Add(15 * time.Second))
	t.Observe(&flow)
	t.EndDump(true, true)
	show(t)

	// Its DESTROY event has the final counters.
	flow.OrigCounters = accounting.Counters{Packets: 5, Bytes: 450}
	flow.ReplyCounters = accounting.Counters{Packets: 4, Bytes: 5000}
	flow.Stop = start.Add(20 * time.Second).UnixNano()
	t.OnDestroy(&flow, start.Add(20*time.Second))
	show(t)

	// Output:
	// 10.32.1.0 to 10.33.0.0, port 443: sent 300 bytes, received 2000; closed 0 connections after 0s
	// 10.32.1.0 to 10.33.0.0, port 443: sent 150 bytes, received 3000; closed 1 connections after 19s
}

// show ends an interval and prints its series.
func show(t *accounting.Tracker) {
	var interval accounting.Interval
	t.Take(&interval)
	interval.Each(func(s *accounting.Series) {
		fmt.Printf("%s to %s, port %d: sent %d bytes, received %d; closed %d connections after %v\n",
			s.Key.Src, s.Key.Dst, s.Key.Port, s.Orig.Bytes, s.Reply.Bytes,
			s.Connections, time.Duration(s.ConnectionTimes)*time.Millisecond)
	})
}
