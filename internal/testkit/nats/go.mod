// A module of its own, so that what the real NATS server and its command line need stays
// out of the plugins' go.mod. It holds no packages: never run "go mod tidy" here, it would
// drop the requirements.
module telegraf-conntrack-accounting/internal/testkit/nats

go 1.26.0

require (
	github.com/nats-io/nats-server/v2 v2.15.2
	github.com/nats-io/natscli v0.5.0
)
