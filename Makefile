# ThreadRunner: everything a developer does, in one command each. `make` lists them.
#
# Python >= 3.11, git and make are all that is needed; the rest is installed under .local/.
# `make test` also needs Node >= 20 with npm, whose SDKs it tests.

.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules

# The Python that the environments are made with: the one they have, else python3.
# Another one: make PYTHON=/path/to/python3.13 setup
PYTHON ?= $(shell p=$$(cat .local/python 2>/dev/null); if [ -x "$$p" ]; then echo "$$p"; else echo python3; fi)
# The processor that `make build` builds for: arm64 or x86_64.
ARCHITECTURE ?= arm64

bin := .local/venv/bin
python := $(bin)/python

# Bytecode stays out of functions/, which is what gets deployed.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.local/cache/python
export SAM_CLI_TELEMETRY := 0

# --- The local stack ---

.PHONY: up
up: setup ## start the local stack, or bring it up to date (OPENAI_BASE_URL, OPENAI_API_KEY, MODEL: the model)
	@$(python) -m infra.local up $(OPTIONS)

.PHONY: down
down: setup ## end the local stack; its data is gone
	@$(python) -m infra.local down

.PHONY: status
status: setup ## say whether the local stack is up, and where
	@$(python) -m infra.local status

.PHONY: logs
logs: setup ## show the newest logs of the local stack and its functions
	@$(python) -m infra.local logs

.PHONY: demo
demo: setup ## start the stack, run the demonstration against it, and end the stack if it was not up before
	@PYTHONPATH=clients/python $(python) -m infra.local demo

# --- Tests and checks ---

.PHONY: test
test: test-unit test-integration test-contract test-e2e ## run all tests: unit, integration, contract, end to end

.PHONY: test-unit
test-unit: setup ## run the unit tests: pure code
	$(python) -m pytest tests/unit -n auto

.PHONY: test-integration
test-integration: setup ## run the integration tests: adapters and servers, with emulated services in the process
	$(python) -m pytest tests/integration -n auto

.PHONY: test-contract
test-contract: setup-sdks ## run programs written with OpenAI's SDKs, old and new, and the JavaScript client (needs Node 20 and npm)
	$(python) -m pytest tests/contract

.PHONY: test-e2e
test-e2e: setup ## run the end-to-end tests: the whole service on a local stack of their own
	$(python) -m pytest tests/e2e -n 2 --dist loadfile

.PHONY: chaos
chaos: setup ## kill workers at random while runs go on, then audit the tables (RUNS=300, SEED, EVERY: seconds between kills)
	@PYTHONPATH=functions:clients/python $(python) -m tests.chaos $(if $(RUNS),--runs $(RUNS)) \
	  $(if $(SEED),--seed $(SEED)) $(if $(EVERY),--every $(EVERY)) $(OPTIONS)

.PHONY: bench
bench: setup ## measure what each endpoint and each part of a run asks of AWS: the tables of docs/costs.md
	@PYTHONPATH=functions $(python) -m bench.endpoints
	@PYTHONPATH=functions $(python) -m bench.steps

.PHONY: bench-runner
bench-runner: setup ## measure the runner's processor time and memory: the tables of docs/performance.md
	@PYTHONPATH=functions $(python) -m bench.deltas
	@PYTHONPATH=functions $(python) -m bench.memory

.PHONY: bench-lateness
bench-lateness: setup ## measure how late deltas are for a client, on a stack of its own: a table of docs/performance.md
	@PYTHONPATH=functions:clients/python $(python) -m bench.lateness

.PHONY: bench-subscribers
bench-subscribers: setup ## measure how one run is pushed to many connections: a table of docs/performance.md
	@PYTHONPATH=functions $(python) -m bench.subscribers

.PHONY: screenshot
screenshot: setup ## take the picture of docs/playground.md anew, on a stack of its own (needs Chromium or Chrome)
	@PYTHONPATH=functions:clients/python $(python) -m tests.e2e.screenshot

.PHONY: coverage
coverage: setup ## run the unit and integration tests and show what they do not reach
	$(python) -m pytest tests/unit tests/integration -n auto --cov

.PHONY: check
check: check-format check-lint check-types check-imports check-lock check-template ## check everything that needs no test run

.PHONY: check-format
check-format: setup
	$(bin)/ruff format --check .

.PHONY: check-lint
check-lint: setup
	$(bin)/ruff check .

.PHONY: check-types
check-types: setup
	$(bin)/mypy functions infra clients/python tests $(foreach d,examples bench,$(if $(wildcard $(d)/*.py $(d)/*/*.py),$(d)))

.PHONY: check-imports
check-imports: setup
	PYTHONPATH=functions $(bin)/lint-imports --cache-dir .local/cache/import-linter

.PHONY: check-lock
check-lock: setup
	$(python) -m infra.locks check

.PHONY: check-template
check-template: setup
	.local/sam/bin/sam validate --lint --region us-east-1 --template-file template.yaml
	$(bin)/cfn-lint template.yaml

.PHONY: format
format: setup ## format the code and mend what the linter can
	$(bin)/ruff check --fix-only .
	$(bin)/ruff format .

# --- Building and installing ---

.PHONY: build
build: setup ## build the artifact for AWS into .aws-sam/build (ARCHITECTURE=arm64 or x86_64)
	@PATH="$(CURDIR)/$(bin):$$PATH" .local/sam/bin/sam build --parameter-overrides \
	  RuntimeVersion=$$($(python) -c 'import sys; print("python%d.%d" % sys.version_info[:2])') \
	  Architecture=$(ARCHITECTURE)
	@$(python) -m infra.artifact $$(find .aws-sam/build -mindepth 1 -maxdepth 1 -type d)

.PHONY: setup
setup: python ## install everything under .local/ (PYTHON: which Python to use, 3.11 to 3.14)
	@$(PYTHON) -m infra.environments

.PHONY: setup-sdks
setup-sdks: setup ## install the SDKs that the contract tests run (needs Node 20 and npm)
	@$(PYTHON) -m infra.environments --sdks

.PHONY: lock
lock: setup ## make the locks anew from pyproject.toml (UPGRADE=1: with the newest versions)
	$(python) -m infra.locks update --uv .local/uv/bin/uv $(if $(UPGRADE),--upgrade)

.PHONY: lock-node
lock-node: setup ## make the lock of the Node SDKs anew from its package.json, with the newest versions (needs npm)
	$(python) -m infra.locks update-node

.PHONY: clean
clean: ## end the local stack and delete everything that make installed or built
	@if [ -x $(python) ]; then for stack in .local $$(ls -d .local/e2e* .local/chaos* 2>/dev/null); do \
	  $(python) -m infra.local down --directory $$stack >/dev/null; done; fi
	rm -rf .local .aws-sam .coverage .hypothesis

.PHONY: python
python:
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null || { \
	  echo "ThreadRunner needs Python 3.11, 3.12, 3.13 or 3.14, and $(PYTHON) is none of them: install one, and name it with make PYTHON=/path/to/python3.13." >&2; \
	  exit 1; }

.PHONY: help
help: ## list what make can do
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/\1\t\2/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
	  printf '  %-18s%s\n' "$$name" "$$text"; done
