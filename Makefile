# The targets a developer needs; "make" lists them. Nothing has to be installed
# first: run, test and lint call scripts/setup, which installs what is missing
# (as root, on Debian).

GO      := ./scripts/go
LINT     = $(GO) -C $$module tool -modfile=$(CURDIR)/tools/go.mod golangci-lint
LDFLAGS := -s -w -X main.version=$(shell scripts/version) -X main.commit=$(shell git rev-parse HEAD 2>/dev/null)

# The version is stamped above; asking git again fails in a tree of another owner.
export GOFLAGS ?= -buildvcs=false

# all runs a command for each $$module, whatever becomes of it in others.
all = status=0; for module in . dashboards; do $(1) || status=1; done; exit $$status

# For make run.
export GATEWAY ?= demo
export DURATION ?=

# CI runs trials, too (internal/testkit/trial.go), and looks for data races. Without them,
# tests mostly wait: more of them run at once, and those of both modules. CI=false is none.
override CI := $(filter-out false,$(CI))
THOROUGH := $(if $(CI),-race -tags soak,-parallel 4)

# For make fuzz.
FUZZTIME ?= 20s

.PHONY: help run test test-. test-dashboards build install uninstall telegraf nats influxdb lint pictures screenshots look fmt notices bench release big-endian soak kills failover scale cluster fuzz vuln clean setup

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: setup build telegraf ## See it work (GATEWAY=host: with this machine's own traffic; DURATION=60: end by itself)
	@demo/run

test: setup build telegraf nats ## Run the tests (CI=true: trials, too, and with the race detector; TESTFLAGS=... is passed on)
	@$(MAKE) --no-print-directory --keep-going $(if $(CI),,--jobs=2) test-. test-dashboards

test-. test-dashboards: test-%:
	@$(GO) -C $* test $(THOROUGH) -ldflags '-s -w' -timeout 20m $(TESTFLAGS) ./...

build: ## Build both programs into build/, with manual pages and completions
	@scripts/setup-go
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o build/telegraf-conntrack-accounting ./cmd/execd-plugin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o build/psql-sink ./cmd/psql-sink
	@scripts/shared-files build build/share

release: setup ## Build archives and packages for all architectures into build/release
	scripts/release

install: ## Put what was built, its options and units into place (below DESTDIR)
	@scripts/install

uninstall: ## Take it away again, but for options and data
	@scripts/uninstall

telegraf: ## Build the real Telegraf agent into build/, for tests and the demo
	@scripts/setup-go && scripts/telegraf

nats: ## Build the NATS server and its command line into build/, for tests
	@scripts/setup-go && scripts/nats

influxdb: ## Build InfluxDB 2, but for Flux, into build/influxd2, for tests that INFLUXD2=... names it to
	@scripts/setup-go && scripts/influxdb

lint: setup ## Lint Go, shell and plugin READMEs, check formatting, go.mod and THIRD_PARTY_NOTICES
	@$(call all,$(LINT) run --allow-parallel-runners ./...)
	@$(call all,$(LINT) fmt --diff ./...)
	@$(call all,$(GO) -C $$module mod tidy -diff)
	scripts/shell-files | xargs shellcheck
	$(GO) tool -modfile=tools/release/go.mod actionlint
	$(GO) run -modfile=internal/testkit/telegraf/go.mod github.com/influxdata/telegraf/tools/readme_linter -quiet plugins/*/*/README.md
	scripts/notices | diff THIRD_PARTY_NOTICES - || { echo 'run make notices, and commit THIRD_PARTY_NOTICES'; exit 1; }

pictures: setup telegraf ## Take the pictures of "check" on a terminal in docs/ anew
	@scripts/pictures

fmt: ## Format Go code
	@$(call all,$(LINT) fmt ./...)

notices: ## Write THIRD_PARTY_NOTICES anew, after go.mod has changed
	scripts/notices >THIRD_PARTY_NOTICES.new && mv THIRD_PARTY_NOTICES.new THIRD_PARTY_NOTICES

bench: ## Run the benchmarks (as root, BENCH=regexp chooses)
	@$(call all,$(GO) -C $$module test -run '^$$' -bench '$(or $(BENCH),.)' -benchmem -timeout 60m $(TESTFLAGS) ./...)

soak: setup ## Compare the plugin with two other counts, under any load, for DURATION (10m) from SEED (1)
	SOAK_DURATION=$(or $(DURATION),10m) SOAK_SEED=$(or $(SEED),1) \
	$(GO) test -tags soak -count=1 -v -timeout 0 -run TestSoak $(TESTFLAGS) ./internal/soak

kills: setup telegraf ## Kill psql-sink, Telegraf and Postgres KILLS times (200) on the way that acknowledges
	KILLS=$(or $(KILLS),200) $(GO) test -count=1 -v -timeout 0 -run TestKillsOnTheWayThatAcknowledges $(TESTFLAGS) ./cmd/psql-sink

failover: setup ## Kill the primary of a Postgres of three members FAILOVERS times (10) while psql-sink imports
	FAILOVERS=$(or $(FAILOVERS),10) $(GO) test -count=1 -v -timeout 0 -run TestFailovers $(TESTFLAGS) ./cmd/psql-sink

scale: setup telegraf $(if $(NATS),nats) ## Have GATEWAYS (50) of SERIES (5000) deliver REPORTS (20) to psql-sink, one each EVERY (15) seconds (NATS=1: over NATS)
	GATEWAYS=$(or $(GATEWAYS),50) SERIES=$(or $(SERIES),5000) REPORTS=$(or $(REPORTS),20) EVERY=$(or $(EVERY),15) \
	$(GO) test -count=1 -v -timeout 0 $(TESTFLAGS) $(if $(NATS),-run TestLoad ./internal/cluster,-run TestManyGateways ./cmd/psql-sink)

cluster: setup telegraf nats ## Run gateways, three NATS nodes, sinks and Postgres; have each fail in turn, ROUNDS (3) times
	ROUNDS=$(or $(ROUNDS),3) $(GO) test -count=1 -v -timeout 0 -run TestCluster $(TESTFLAGS) ./internal/cluster

big-endian: setup ## Test what reads the kernel and files on an emulated machine of the other byte order; build for one of 32 bits
	CGO_ENABLED=0 GOARCH=s390x $(GO) test -short -exec qemu-s390x-static $(TESTFLAGS) \
	$(addprefix ./internal/,accounting ctnetlink slabmap statefile)
	CGO_ENABLED=0 GOARCH=arm GOARM=5 $(GO) build -o /dev/null ./cmd/execd-plugin
	CGO_ENABLED=0 GOARCH=arm GOARM=5 $(GO) build -o /dev/null ./cmd/psql-sink

fuzz: ## Run each fuzz target for FUZZTIME (20s)
	@scripts/fuzz $(FUZZTIME)

look: setup ## Draw every dashboard at every width, of every set of data, into build/look/pictures
	LOOK=all LOOK_PICTURES=$(CURDIR)/build/look/pictures $(GO) -C dashboards test -count=1 -timeout 60m -run TestLook $(TESTFLAGS) .

screenshots: setup ## Draw the pictures of docs/dashboards.md anew
	scripts/screenshots

vuln: ## Look for known vulnerabilities in what we use (needs the network)
	@$(call all,$(GO) -C $$module tool -modfile=$(CURDIR)/tools/go.mod govulncheck ./...)

clean: ## Remove what was built
	rm -rf build

setup:
	@scripts/setup
