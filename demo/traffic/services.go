package main

import "time"

// service is something to talk to: each exchange sends up to "up" bytes and
// gets up to "down" bytes back, about once per period and pair of addresses.
type service struct {
	network  string
	port     uint16
	up, down int
	period   time.Duration
}

// maxDatagram keeps UDP exchanges in one packet each way.
const maxDatagram = 1200

func services() []service {
	return []service{
		{network: "tcp", port: 443, up: 4_000, down: 400_000, period: 2 * time.Second},
		{network: "tcp", port: 22, up: 60_000, down: 20_000, period: 7 * time.Second},
		{network: "tcp", port: 5432, up: 2_000, down: 90_000, period: 3 * time.Second},
		{network: "tcp", port: 9999, up: 1_000, down: 1_000, period: 5 * time.Second},
		{network: "udp", port: 53, up: 60, down: 300, period: time.Second},
		{network: "udp", port: 4500, up: maxDatagram, down: maxDatagram, period: 200 * time.Millisecond},
	}
}
