.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: rig-up
rig-up: ## start a real Kafka and a real Cassandra on loopback, and print their addresses
	@e2e/rig/rig up

.PHONY: rig-down
rig-down: ## stop them and remove their data
	@e2e/rig/rig down
