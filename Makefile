# The two commands a newcomer needs are `make demo` and `make test`; both set up what they need in .venv first.
SHELL := /bin/bash
# the first interpreter that really runs and is new enough (a version manager's shim may exist and not run)
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
CONSTRAINTS := deploy/constraints/all.txt
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format bench chaos test-odoo quality schemas constraints clean

help: ## show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything in it

$(STAMP): pyproject.toml $(CONSTRAINTS)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 setup"; exit 1; }
	@echo "setting up $(VENV) with $$($(PYTHON) --version) ..."
	@if command -v uv >/dev/null; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && uv pip install --quiet --python $(BIN)/python -c $(CONSTRAINTS) -e '.[dev]'; \
	else \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install -qq --disable-pip-version-check -c $(CONSTRAINTS) -e '.[dev]'; \
	fi
	@touch $(STAMP)

demo: setup ## run the main job: orders from a simulated shop to a simulated ERP and back
	@$(BIN)/hub demo $(ARGS)

test: setup ## run the tests (services are used where HUB_TEST_POSTGRES_URL and HUB_TEST_AMQP_URL name them)
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadgroup $(ARGS)

lint: setup ## style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## put the code in its usual form
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: setup ## measure speed; prints a table and writes build/bench.json
	@$(BIN)/python -m pip install -qq --disable-pip-version-check glom jmespath jq 2>/dev/null || true
	@for peer in jsonata node-red; do \
	  if command -v npm >/dev/null && [ ! -d build/peers/node_modules/$$peer ]; then timeout 300 npm install --silent --no-fund --no-audit --prefix build/peers $$peer >/dev/null 2>&1 || true; fi; \
	done
	@# n8n has two gigabytes: it is tried once, and again when build/peers/n8n is gone
	@if command -v npm >/dev/null && [ ! -d build/peers/n8n ]; then mkdir -p build/peers/n8n && timeout 600 npm install --silent --no-fund --no-audit --prefix build/peers/n8n n8n >/dev/null 2>&1 || true; fi
	@$(BIN)/python -m tests.benchmarks $(ARGS)

chaos: setup ## kill and break everything around a running hub; nothing may be lost or doubled (ARGS="--minutes 25 --messages 20000")
	@$(BIN)/python -m tests.chaos $(ARGS)

test-odoo: setup ## test the Odoo connector against a real Odoo: the one that HUB_TEST_ODOO_URL, _DB and _KEY name, or one started for it
	@tests/odoo/rig.sh run $(BIN)/python -m pytest -q -m odoo tests/odoo $(ARGS)

quality: setup ## run the conformance kit for every shipped connector and write its report into docs/connectors
	@for name in example files odoo shopify webhook; do \
	  specs=$$(for file in connectors/$$name/simulator/openapi.yaml connectors/$$name/simulator/metadata.xml; do test -f $$file && echo "--spec $$file"; done); \
	  $(BIN)/hub connector check $$name $$specs --report docs/connectors/$$name-quality.md || exit 1; \
	done

schemas: setup ## write the generated JSON Schemas again
	@$(BIN)/python -m hub.canonical.schemas schemas/canonical
	@$(BIN)/python -m hub.project.schemas schemas
	@$(BIN)/python -m hub.sdk.declarative.schemas schemas

constraints: setup ## write the pinned versions again from what is installed
	@$(BIN)/python -m pip list --format freeze --exclude-editable | grep -vE '^(pip|setuptools|wheel|uv)==' | sort -f > $(CONSTRAINTS)

clean: ## remove .venv and what was built
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
