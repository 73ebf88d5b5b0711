// A module of its own, so that what the real Telegraf agent needs stays out of
// the plugins' go.mod. It holds no packages: never run "go mod tidy" here, it
// would drop the requirement.
module telegraf-conntrack-accounting/internal/testkit/telegraf

go 1.26.0

require github.com/influxdata/telegraf v1.39.3
