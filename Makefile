.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
tools := $(HOME)/.cache/userstream/bin
# Everything, with what a plain build of usp leaves out. One set of features for all targets below: with another, cargo would
# compile half of the dependencies again.
everything := --workspace --locked --features userstream-cli/kafka,userstream-cli/cassandra,userstream-cli/cluster
# The programs together with the tests, for the same reason.
programs := cargo build $(everything) --bins --tests
# Most of what takes a test without servers long is waiting, for a consumer group to form above all, and not computing.
tests := RUST_TEST_THREADS=$${RUST_TEST_THREADS:-16} cargo test $(everything)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: fmt
fmt: ## format the code
	cargo fmt --all

.PHONY: lint
lint: prerequisites ## formatting, clippy without warnings, licences, banned and duplicate dependencies
	cargo fmt --all --check
	cargo clippy $(everything) --all-targets -- -D warnings
	cargo clippy --locked -- -D warnings
	cargo clippy --locked -p userstream-bench --no-default-features --features operator -- -D warnings
	e2e/dependencies $(tools)

.PHONY: generate
generate: ## write the files that are generated from the types: the CRD, the schema for editors, the reference, the chart's roles
	UPDATE=1 cargo test $(everything) --test resource -- generated_files --skip reads_as_what_was_generated
	UPDATE=1 cargo test $(everything) --lib -- access::
	UPDATE=1 cargo test $(everything) --test packaging -- operations::

.PHONY: test-fast
test-fast: ## what needs no server, not even librdkafka's mock brokers: unit, property and simulation tests; under a minute once built
	$(tests) --lib --bins --tests -- --skip mock_cluster_tests

.PHONY: test
test: prerequisites ## everything, on a machine with nothing but Rust; starts and stops the servers it needs
	@echo "==> build"
	$(programs)
	@echo "==> unit, property and simulation tests, and those on mock brokers"
	$(tests)
	@echo "==> the operator's core in a million states"
	$(MAKE) --no-print-directory test-exploration states=1000000
	@echo "==> what a newcomer does first"
	$(MAKE) --no-print-directory test-first-run
	@echo "==> tests against a real Kafka and a real Cassandra"
	$(MAKE) --no-print-directory test-real-servers
	@if e2e/prerequisites api-server; then \
	  $(MAKE) --no-print-directory test-chart test-api-server; \
	else \
	  echo "==> skipped: the chart and the operator on an API server (make test-chart test-api-server)."; \
	  echo "    Reason: Kubernetes cannot be compiled here, see above."; \
	fi
	@if [ "$$(id -u)" != 0 ]; then obstacle="a node needs root"; \
	elif ! e2e/prerequisites cluster; then obstacle="programs are missing, see above"; \
	else obstacle=$$(e2e/rig/cluster obstacle); fi; \
	if [ -z "$$obstacle" ]; then \
	  $(MAKE) --no-print-directory test-real-cluster; \
	else \
	  echo "==> skipped: the tests on a real cluster (make test-real-cluster)."; \
	  echo "    Reason: $$obstacle."; \
	fi

.PHONY: test-real-servers
test-real-servers: prerequisites ## the part of it with a real Kafka and a real Cassandra
	$(programs)
	e2e/rig/rig run cargo test $(everything) --test real_servers

states ?= 100000

.PHONY: test-exploration
test-exploration: ## explore the operator's core further than the tests do (states=1000000 for more)
	USERSTREAM_EXPLORED_STATES=$(states) cargo test $(everything) --test exploration -- --nocapture stories

.PHONY: test-first-run
test-first-run: ## the first command of the README, as it is written, with an end and a folder of its own
	data=$$(mktemp -d); trap 'rm -rf "$$data"' EXIT; \
	cargo run --release --locked -- local crds/examples/demo.yaml --records 200 --data "$$data/data"
	@echo "what this usp leaves out names the way to one that has it:"
	! said=$$(cargo run --quiet --release --locked -- status users 2>&1); grep -F -- '--features cluster' <<<"$$said"

.PHONY: test-chart
test-chart: ## the part of it that needs Helm: lint, what the chart renders, helm/install.yaml
	@e2e/prerequisites api-server
	@echo "==> the chart"
	e2e/rig/cluster helm lint --strict helm/userstream
	cargo test $(everything) --test chart
	helm/install | diff helm/install.yaml - || { echo "helm/install.yaml is not what the chart says: make install-yaml" >&2; exit 1; }

.PHONY: test-api-server
test-api-server: prerequisites ## the part of it with an API server alone; nobody needs to be root
	@e2e/prerequisites api-server
	@echo "==> tests of the operator and of usp against an API server"
	$(programs)
	cargo test $(everything) --test api_server

.PHONY: test-real-cluster
test-real-cluster: prerequisites ## the part of it on a real Kubernetes with a real Kafka and a real Cassandra (as root)
	@e2e/prerequisites cluster
	@echo "==> tests on a real cluster"
	$(programs)
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-4} e2e/rig/cluster run e2e/rig/rig run cargo test $(everything) --test real_cluster

measured := cargo build --profile dist --locked -p userstream-worker && \
  cargo build --profile dist --locked -p userstream-bench --no-default-features --features worker

.PHONY: bench
bench: prerequisites ## what the worker costs: CPU, memory, rows per second, time to the first row
	$(measured)
	USERSTREAM_RIG_FULL_JIT=1 e2e/rig/rig run $${CARGO_TARGET_DIR:-target}/dist/userstream-bench

.PHONY: bench-instructions
bench-instructions: prerequisites ## how many instructions a record costs the worker, which a busy machine does not change
	@e2e/prerequisites instructions
	$(measured)
	e2e/rig/rig run $${CARGO_TARGET_DIR:-target}/dist/userstream-bench instructions

pipelines ?= 1000

.PHONY: bench-operator
bench-operator: prerequisites ## what the operator costs: time to settle, calls of the API, CPU, memory (pipelines=10000 for more)
	@e2e/prerequisites api-server
	@e2e/prerequisites network
	@e2e/rig/cluster programs >/dev/null
	cargo build --profile dist --locked -p userstream-operator
	cargo build --profile dist --locked -p userstream-bench --no-default-features --features operator
	bench/network $${CARGO_TARGET_DIR:-target}/dist/userstream-bench-operator $(pipelines)

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

# What builds images: the first of these that is there.
engine ?= $(firstword $(notdir $(shell command -v docker podman buildah)))
bases := $(if $(rust),--build-arg RUST=$(rust)) $(if $(base),--build-arg BASE=$(base))

.PHONY: images
images: ## build both images with Docker, Podman or Buildah (rust=IMAGE and base=IMAGE for other base images)
	@[ -n "$(engine)" ] || { echo "Neither Docker nor Podman nor Buildah is installed: one of them builds images." >&2; exit 69; }
	for name in operator worker; do \
	  $(engine) build $(bases) --target $$name --tag userstream.local/$$name:dev . || exit 1; \
	done

.PHONY: kind-up
kind-up: kind ## create a cluster of kind with the operator of this checkout in it; needs Docker, kind, kubectl and Helm
	e2e/rig/kind up
	$(MAKE) --no-print-directory images engine=docker
	for name in operator worker; do kind load docker-image userstream.local/$$name:dev --name userstream || exit 1; done
	e2e/rig/kind helm upgrade --install userstream helm/userstream --namespace userstream-system --create-namespace --wait \
	  --set image.repository=userstream.local/operator --set image.tag=dev \
	  --set worker.image.repository=userstream.local/worker --set worker.image.tag=dev

.PHONY: kind-test
kind-test: kind prerequisites ## the tests on a real cluster, on kind
	$(programs)
	e2e/rig/kind run e2e/rig/rig run cargo test $(everything) --test real_cluster

.PHONY: kind-down
kind-down: ## delete it
	e2e/rig/kind down

.PHONY: kind
kind:
	@obstacle=$$(e2e/rig/kind obstacle); [ -z "$$obstacle" ] || { \
	  echo "There can be no kind cluster here: $$obstacle." >&2; \
	  echo "Without Docker, make test-real-cluster runs the same tests on a Kubernetes of its own (as root)." >&2; \
	  exit 69; \
	}
