.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
tools := $(HOME)/.cache/userstream/bin

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: fmt
fmt: ## format the code
	cargo fmt --all

.PHONY: lint
lint: prerequisites ## formatting, clippy without warnings, licences, banned and duplicate dependencies
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	e2e/dependencies $(tools)

.PHONY: generate
generate: ## write the files that are generated from the types: the CRD, the schema for editors, the reference, the chart's roles
	UPDATE=1 cargo test -p userstream-crds --locked --test resource -- generated_files
	UPDATE=1 cargo test -p userstream-operator --locked --lib -- access::

.PHONY: test-fast
test-fast: ## everything that needs no server: unit, property and simulation tests; under a minute once built
	cargo test --workspace --locked

.PHONY: test
test: prerequisites ## everything, on a machine with nothing but Rust; starts and stops the servers it needs
	@echo "==> build"
	cargo test --workspace --locked --no-run
	@echo "==> unit, property and simulation tests"
	cargo test --workspace --locked
	@echo "==> tests against a real Kafka and a real Cassandra"
	cargo test --workspace --locked --test real_servers --no-run
	e2e/rig/rig run cargo test --workspace --locked --test real_servers
	@echo "==> skipped: the operator on an API server and on a real cluster (make test-api-server, make test-real-cluster)."
	@echo "    Reason: building Kubernetes takes longer than everything else here; these tests are not complete yet."

.PHONY: test-real-servers
test-real-servers: prerequisites ## the part of it with a real Kafka and a real Cassandra
	cargo build --workspace --bins --locked
	cargo test --workspace --locked --test real_servers --no-run
	e2e/rig/rig run cargo test --workspace --locked --test real_servers

.PHONY: bench
bench: prerequisites ## what the worker costs: CPU, memory, rows per second, time to the first row
	cargo build --profile dist --locked -p userstream-worker -p userstream-bench
	USERSTREAM_RIG_FULL_JIT=1 e2e/rig/rig run $${CARGO_TARGET_DIR:-target}/dist/userstream-bench

.PHONY: prerequisites
prerequisites:
	@e2e/prerequisites

.PHONY: rig-up
rig-up: prerequisites ## start a real Kafka and a real Cassandra on loopback, and print their addresses
	@e2e/rig/rig up

.PHONY: rig-down
rig-down: ## stop them and remove their data
	@e2e/rig/rig down

.PHONY: cluster-up
cluster-up: ## start a real Kubernetes with one node on this machine (as root), and print how to reach it
	@e2e/prerequisites cluster
	@e2e/rig/cluster up

.PHONY: cluster-down
cluster-down: ## stop it and remove its state and all that it changed on the machine
	@e2e/rig/cluster down

.PHONY: install-yaml
install-yaml: ## write helm/install.yaml, the chart's manifests for people without Helm
	helm/install >helm/install.yaml

.PHONY: test-api-server
test-api-server: prerequisites ## tests of the operator against an API server alone; nobody needs to be root
	@e2e/prerequisites api-server
	cargo build --workspace --bins --locked
	cargo test --workspace --locked --test api_server

.PHONY: test-real-cluster
test-real-cluster: prerequisites ## tests on a real Kubernetes with a real Kafka and a real Cassandra (as root)
	@e2e/prerequisites cluster
	cargo build --workspace --bins --locked
	cargo test --workspace --locked --test real_cluster --no-run
	e2e/rig/cluster helm lint --strict helm/userstream
	helm/install | diff helm/install.yaml - || { echo "helm/install.yaml is not what the chart says: make install-yaml" >&2; exit 1; }
	e2e/rig/cluster run e2e/rig/rig run cargo test --workspace --locked --test real_cluster
