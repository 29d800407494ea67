.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
tools := $(HOME)/.cache/userstream/bin
# The whole workspace, with the optional features of usp. All targets below use the same features: with others, cargo would
# compile half of the dependencies again.
everything := --workspace --locked --features userstream-cli/kafka,userstream-cli/cassandra,userstream-cli/cluster
# The tests that need servers, which `--tests` does not select.
server_tests := --test real_servers --test api_server --test chart --test real_cluster
# Programs and tests are built together for the same reason.
programs := cargo build $(everything) --bins --examples --benches --tests $(server_tests)
# Clippy compiles the crates of the workspace, so that lint and tests share one build.
export RUSTC_WORKSPACE_WRAPPER := clippy-driver
export CLIPPY_ARGS := -Dwarnings__CLIPPY_HACKERY__
# Tests without servers mostly wait, above all for consumer groups to form, so more threads than cores run them.
tests := RUST_TEST_THREADS=$${RUST_TEST_THREADS:-16} cargo test $(everything)

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

.PHONY: fmt
fmt: ## format the code
	cargo fmt --all

.PHONY: lint
lint: prerequisites ## formatting, clippy without warnings, licences, banned and duplicate dependencies
	cargo fmt --all --check
	$(programs)
	cargo build --release --locked
	cargo check --locked -p userstream-bench --no-default-features --features operator
	e2e/dependencies $(tools)

.PHONY: generate
generate: ## write the files that are generated from the code: the CRD, the schema for editors, the reference, the chart's roles
	UPDATE=1 cargo test $(everything) --test resource -- generated_files --skip reads_as_what_was_generated
	UPDATE=1 cargo test $(everything) --lib -- rbac::
	UPDATE=1 cargo test $(everything) --test packaging -- operations::

.PHONY: test-fast
test-fast: ## unit, property and simulation tests, without servers and mock brokers; under a minute once built
	$(tests) --lib --bins --tests -- --skip mock_cluster_tests

.PHONY: test
test: prerequisites ## all tests, on a machine with nothing but Rust; starts and stops the servers that they need
	@echo "==> build"
	$(programs)
	@e2e/parallel "test-core test-real-servers" test-kubernetes

.PHONY: test-core
test-core: ## the tests without servers: unit, property, simulation, mock brokers, a million explored states, the first run
	@echo "==> unit, property and simulation tests, and those on mock brokers"
	$(tests)
	@echo "==> exploration of the operator's core: a million states"
	$(MAKE) --no-print-directory test-exploration states=1000000
	@echo "==> the first command of the README"
	$(MAKE) --no-print-directory test-first-run

.PHONY: test-kubernetes
test-kubernetes: ## the tests of chart, operator and usp with Kubernetes, as far as this machine can run it
	@if e2e/prerequisites api-server; then \
	  $(MAKE) --no-print-directory test-chart test-api-server; \
	else \
	  echo "==> skipped: tests of the chart, and of the operator on an API server (make test-chart test-api-server)."; \
	  echo "    Reason: Kubernetes cannot be compiled here, see above."; \
	fi
	@if [ "$$(id -u)" != 0 ]; then obstacle="a node needs root"; \
	elif ! e2e/prerequisites cluster; then obstacle="programs are missing, see above"; \
	else obstacle=$$(e2e/rig/cluster obstacle); fi; \
	if [ -z "$$obstacle" ]; then \
	  $(MAKE) --no-print-directory test-real-cluster; \
	else \
	  echo "==> skipped: tests on a real cluster (make test-real-cluster)."; \
	  echo "    Reason: $$obstacle."; \
	fi

.PHONY: test-real-servers
test-real-servers: prerequisites ## the tests with a real Kafka and a real Cassandra
	@echo "==> tests against a real Kafka and a real Cassandra"
	$(programs)
	e2e/rig/rig run cargo test $(everything) --test real_servers

states ?= 100000

.PHONY: test-exploration
test-exploration: ## explore more states of the operator's core than test-fast does (states=1000000 for more)
	USERSTREAM_EXPLORED_STATES=$(states) cargo test $(everything) --test exploration -- --nocapture scenarios

.PHONY: test-first-run
test-first-run: ## the first command of the README, with a limit and a temporary folder
	data=$$(mktemp -d); trap 'rm -rf "$$data"' EXIT; \
	cargo run --release --locked -- local crds/examples/demo.yaml --records 200 --data "$$data/data"
	@echo "a command that this build lacks names the feature that has it:"
	! output=$$(cargo run --quiet --release --locked -- status users 2>&1); grep -F -- '--features cluster' <<<"$$output"

.PHONY: test-chart
test-chart: ## the tests of the chart with Helm and promtool: lint, the rendered objects, the alerts, helm/install.yaml
	@e2e/prerequisites api-server
	@e2e/prerequisites promtool
	@echo "==> the chart"
	e2e/rig/cluster helm lint --strict helm/userstream
	cargo test $(everything) --test chart
	helm/install | diff helm/install.yaml - || { echo "helm/install.yaml differs from the rendered chart: make install-yaml" >&2; exit 1; }

.PHONY: test-api-server
test-api-server: prerequisites ## the tests with an API server without nodes; requires no root
	@e2e/prerequisites api-server
	@echo "==> tests of the operator and of usp against an API server"
	$(programs)
	cargo test $(everything) --test api_server

.PHONY: test-real-cluster
test-real-cluster: prerequisites ## the tests on a real Kubernetes with a real Kafka and a real Cassandra (as root)
	@e2e/prerequisites cluster
	@echo "==> tests on a real cluster"
	$(programs)
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-4} e2e/rig/cluster run e2e/rig/rig run cargo test $(everything) --test real_cluster

# What is measured is compiled without the lints, which change the optimisation.
bench bench-instructions bench-operator: export RUSTC_WORKSPACE_WRAPPER :=
measured := cargo build --profile dist --locked -p userstream-worker && \
  cargo build --profile dist --locked -p userstream-bench --no-default-features --features worker

.PHONY: bench
bench: prerequisites ## measure the worker: CPU, memory, rows per second, time to the first row
	$(measured)
	USERSTREAM_RIG_FULL_JIT=1 e2e/rig/rig run $${CARGO_TARGET_DIR:-target}/dist/userstream-bench

.PHONY: bench-instructions
bench-instructions: prerequisites ## measure the worker's instructions per record, which do not depend on the machine's load
	@e2e/prerequisites instructions
	$(measured)
	e2e/rig/rig run $${CARGO_TARGET_DIR:-target}/dist/userstream-bench instructions

pipelines ?= 1000

.PHONY: bench-operator
bench-operator: prerequisites ## measure the operator: time to converge, API calls, CPU, memory (pipelines=10000 for more)
	@e2e/prerequisites api-server
	@e2e/prerequisites network
	@e2e/rig/cluster programs >/dev/null
	cargo build --profile dist --locked -p userstream-operator
	cargo build --profile dist --locked -p userstream-bench --no-default-features --features operator
	bench/network $${CARGO_TARGET_DIR:-target}/dist/userstream-bench-operator $(pipelines)

.PHONY: prerequisites
prerequisites:
	@e2e/prerequisites

.PHONY: rig-programs
rig-programs: prerequisites ## compile Kubernetes and fetch Kafka and Cassandra, which the tests need and a first run lacks
	@e2e/rig/rig programs
	@if e2e/prerequisites api-server; then nice -n 19 e2e/rig/cluster programs; fi

.PHONY: rig-up
rig-up: prerequisites ## start a real Kafka and a real Cassandra on loopback, and print their addresses
	@e2e/rig/rig up

.PHONY: rig-down
rig-down: ## stop Kafka and Cassandra, and remove their data
	@e2e/rig/rig down

.PHONY: cluster-up
cluster-up: ## start a real Kubernetes with one node on this machine (as root), and print its environment
	@e2e/prerequisites cluster
	@e2e/rig/cluster up

.PHONY: cluster-down
cluster-down: ## stop it, remove its state, and revert its changes to the machine
	@e2e/rig/cluster down

.PHONY: install-yaml
install-yaml: ## write helm/install.yaml, the chart's manifests for an installation without Helm
	helm/install >helm/install.yaml

# The first of these that is installed builds the images.
engine ?= $(firstword $(notdir $(shell command -v docker podman buildah)))
bases := $(if $(rust),--build-arg RUST=$(rust)) $(if $(base),--build-arg BASE=$(base))

.PHONY: images
images: ## build both images with Docker, Podman or Buildah (rust=IMAGE and base=IMAGE for other base images)
	@[ -n "$(engine)" ] || { echo "Neither Docker nor Podman nor Buildah is installed: one of them builds images." >&2; exit 69; }
	for name in operator worker; do \
	  $(engine) build $(bases) --target $$name --tag userstream.local/$$name:dev . || exit 1; \
	done

.PHONY: kind-up
kind-up: kind ## create a kind cluster with the operator of this checkout; requires Docker, kind, kubectl and Helm
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
kind-down: ## delete the kind cluster
	e2e/rig/kind down

.PHONY: kind
kind:
	@obstacle=$$(e2e/rig/kind obstacle); [ -z "$$obstacle" ] || { \
	  echo "This machine cannot run a kind cluster: $$obstacle." >&2; \
	  echo "Without Docker, make test-real-cluster runs the same tests on its own Kubernetes (as root)." >&2; \
	  exit 69; \
	}
