# vmnet: make without a goal tells what there is.
#
# Variables may be given on the command line or in the environment; vmnet reads them itself.

SHELL := /bin/bash
.DEFAULT_GOAL := help

GO    ?= go
BIN   := bin/vmnet
LINT  := bin/golangci-lint
TREE  := $(shell git rev-parse --verify -q 'HEAD^{tree}' 2>/dev/null)
DIRTY := $(if $(shell git status --porcelain 2>/dev/null),true,false)
SOURCE := github.com/vmnet-project/vmnet/internal/source
LDFLAGS := -X $(SOURCE).tree=$(TREE) -X $(SOURCE).dirty=$(DIRTY)

# what `make test` hands to `go test`
TESTFLAGS ?=
# packages whose tests run under the race detector, too: those with goroutines of their own
RACE := ./internal/... ./framework/bed ./framework/fault ./framework/observe ./framework/report ./framework/scenario ./framework/transport

# CHECKOUT_… on make's command line reaches vmnet by the environment, like every variable whose name a shell accepts.

##@ On a real cluster

.PHONY: e2e
e2e: build ## bring a cluster up, prove the claims on it, print the verdict, take it down
	$(BIN) run

.PHONY: up
up: build ## bring a cluster up and keep it; make e2e then runs on it
	$(BIN) up

.PHONY: down
down: build ## take away what was brought up; what was built stays in the cache
	$(BIN) down

.PHONY: selftest
selftest: build ## inject every fault on the live cluster and show which claims it turns red
	$(BIN) selftest

.PHONY: live
live: ## tests that need the cluster that make up brought, one after another: what ^C leaves behind in the middle of localnet, VMs that cannot start
	VMNET_BED=$${BED:-$${XDG_CACHE_HOME:-$$HOME/.cache}/vmnet/bed} $(GO) test -p 1 -count=1 -timeout 90m -v -run '^TestLive' ./cmd/vmnet ./framework/scenario

.PHONY: preflight
preflight: build ## say what a cluster on this host would be made of
	$(BIN) preflight

##@ Without a cluster

.PHONY: judge
judge: build ## judge the recorded observations: a first look in seconds
	$(BIN) judge framework/judge/testdata

.PHONY: test
test: vet fmt lint unit race ## everything that CI checks: vet, gofmt, lint, tests

.PHONY: unit
unit: ## go test of all packages
	$(GO) test $(TESTFLAGS) ./...

.PHONY: race
race: ## the concurrent packages under the race detector
	CGO_ENABLED=1 $(GO) test -race -short $(TESTFLAGS) $(RACE)

.PHONY: bench
bench: ## benchmarks: judging, reporting, mutating
	$(GO) test -run '^$$' -bench . -benchmem ./framework/judge ./framework/report

.PHONY: vet
vet:
	$(GO) vet ./...

.PHONY: fmt
fmt:
	@unformatted=$$(git ls-files -z --cached --others --exclude-standard -- '*.go' | xargs -0 -r gofmt -l); \
	if [ -n "$$unformatted" ]; then echo "gofmt -w is needed on:" $$unformatted >&2; exit 1; fi

.PHONY: lint
lint: $(LINT) ## golangci-lint, the rule on imports among it
	$(LINT) run --allow-parallel-runners

$(LINT): tools/go.mod tools/go.sum
	$(GO) build -C tools -o ../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: build
build: ## bin/vmnet, which knows the source tree that it was made from
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/vmnet

.PHONY: clean
clean: ## remove what was built in this folder; out/ and the cache stay
	rm -rf bin

.PHONY: help
help:
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z0-9_-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '%s\n' '' 'Variables' \
		'  DOCKER=host|machine      the Docker engine: this host'\''s, or a machine that is started for it' \
		'  IMAGES=registry|source   published images, or the same components built from source' \
		'  NODES=2                  nodes of the cluster, 1 to 8' \
		'  SCENARIO=a,b             the scenarios to run; all without it' \
		'  CLAIMS=CN-09,CN-14       the claims to prove; all of the scenarios without it' \
		'  FAULTS=CN-09             the faults to inject, by ID or by the claim they are meant for' \
		'  BED=DIR                  a bed directory instead of the one that make up made' \
		'  TOGETHER=1               faults of different claims at once: faster, a weaker proof' \
		'  GUEST=published          what runs in the VMs: small or published; by the images at hand without it' \
		'  KEEP=1                   leave cluster and VMs up after the run' \
		'  OUT=out                  where reports go: out/latest is the last run'\''s' \
		'  CHECKOUT_OVN_KUBERNETES=DIR   build a component from a working tree; also KUBERNETES, KUBEVIRT, MULTUS, …' \
		'  TESTFLAGS=               flags for go test' \
		'Without DOCKER and IMAGES preflight decides, and says why.' ''
