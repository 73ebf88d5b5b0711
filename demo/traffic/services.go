package main

import "time"

// service is something to talk to. About once per period, and for each pair of
// addresses, a client opens a connection (a socket, for UDP), makes so many
// exchanges and closes it when it has held it for a while. An exchange sends up
// to "up" bytes and gets up to "down" bytes back.
type service struct {
	network   string
	port      uint16
	exchanges int
	up, down  int
	hold      time.Duration
	period    time.Duration
}

// maxDatagram keeps UDP exchanges in one packet each way.
const maxDatagram = 1200

func services() []service {
	return []service{
		{network: "tcp", port: 443, exchanges: 1, up: 4_000, down: 200_000, period: 2 * time.Second},
		{network: "tcp", port: 22, exchanges: 20, up: 9_000, down: 4_000, hold: 10 * time.Second, period: 5 * time.Second},
		{network: "tcp", port: 5432, exchanges: 5, up: 500, down: 60_000, period: 4 * time.Second},
		{network: "tcp", port: 9999, exchanges: 1, up: 1_000, down: 1_000, period: 5 * time.Second},
		{network: "udp", port: 53, exchanges: 1, up: 60, down: 300, period: time.Second},
		{network: "udp", port: 4500, exchanges: 100, up: maxDatagram, down: maxDatagram, period: 3 * time.Second},
	}
}
