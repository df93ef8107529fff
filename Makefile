# The bridge. `make help` lists what there is.
#
# Each thing that is built has a stamp or a file that says so, so a second `make run` starts in seconds.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

HTTP ?= 127.0.0.1:8080
MEDIA ?= 127.0.0.1:3478
DATA ?= .data
ARGS ?=
SCENARIOS ?= $(wildcard configs/scenarios/*.yaml)

VENV := .venv
BIN := $(VENV)/bin
STAMPS := build/stamps
CORE_SOURCES := $(shell find core/src -name '*.rs' 2>/dev/null) core/Cargo.toml core/Cargo.lock
SWARM_SOURCES := $(shell find loadtest/native/src -name '*.rs' 2>/dev/null) loadtest/native/Cargo.toml loadtest/native/Cargo.lock
# The wheel's own Node.js and the tools of the lock file come first, whatever the machine has.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help run build web-packages swarm wheel test test-core test-python check format lock bench screens scenarios fuzz clean distclean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: build ## Start the bridge with its defaults and print links for a test call (HTTP=, MEDIA=, DATA=, ARGS=)
	@exec $(BIN)/bridge serve --dev --http $(HTTP) --media $(MEDIA) --data $(DATA) $(ARGS)

build: $(STAMPS)/extension web-packages ## Build the extension and leave the command at .venv/bin/bridge

# A script that does nothing when it has nothing to do.
web-packages: $(STAMPS)/python ## Lay out what the page has from npm: what blurs a background
	@scripts/web-packages

swarm: $(STAMPS)/swarm ## Build the load tester's native swarm: many participants in one process

wheel: $(STAMPS)/python ## Build the wheel, page and SDK included, into dist/
	scripts/wheel dist

test: test-core test-python ## Everything that proves the project, real browsers included

test-core: $(STAMPS)/system-build ## The data plane alone: unit, property and simulation tests, fuzz corpora replayed
	cd core && cargo test --locked --quiet
	cd loadtest/native && cargo test --release --locked --quiet

test-python: build swarm $(STAMPS)/tools $(STAMPS)/system-test $(STAMPS)/node ## The control plane, a real bridge process, real clients and browsers
	@status=0; \
	$(BIN)/python -m pytest -n 2 --dist load --no-loadscope-reorder -m 'not alone' $(ARGS) || [ $$? -eq 5 ] || status=1; \
	$(BIN)/python -m pytest -n 0 -m alone $(ARGS) || [ $$? -eq 5 ] || status=1; \
	exit $$status

check: build $(STAMPS)/tools $(STAMPS)/node ## Formatters, linters, types, import contracts, licences
	scripts/check

format: $(STAMPS)/tools ## Rewrite the sources in the house style
	cd core && cargo fmt
	cd loadtest/native && cargo fmt
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

bench: build ## Measure forwarding, joins and memory; prints a table, writes test-results/bench.json
	scripts/bench

screens: $(STAMPS)/tools $(STAMPS)/system-test $(STAMPS)/node ## Take every screen of every page anew for docs/screens.md, and hold it against WCAG 2.1 AA
	scripts/contact-sheet --axe

scenarios: build $(STAMPS)/tools $(STAMPS)/system-test $(STAMPS)/node ## Play every scenario over its bad lines and report (root; an hour and more; SCENARIOS=, ARGS=)
	$(BIN)/python -m loadtest run $(SCENARIOS) --out test-results/scenarios $(ARGS)

fuzz: ## Fuzz every parser for SECONDS_EACH (60); needs a nightly toolchain
	scripts/fuzz

lock: $(STAMPS)/tools ## Resolve the dependencies again and write the lock files
	scripts/lock

clean: ## Remove what was built, keep downloads and the data directory
	rm -rf build dist test-results bridge/*.so core/fuzz/target
	cd core && cargo clean --quiet
	cd loadtest/native && cargo clean --quiet

distclean: clean ## Remove everything that is not in version control, but the data directory
	rm -rf $(VENV) tests/browser/node_modules tests/openid/node_modules web/node_modules web/packages/node_modules web/packages/files

$(STAMPS):
	@mkdir -p $@

$(STAMPS)/system-build: scripts/system-packages | $(STAMPS)
	scripts/system-packages build
	@touch $@

$(STAMPS)/system-test: scripts/system-packages | $(STAMPS)
	scripts/system-packages test
	@touch $@

$(STAMPS)/python: requirements/run.txt requirements/build.txt $(STAMPS)/system-build | $(STAMPS)
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/run.txt --requirement requirements/build.txt
	@touch $@

$(STAMPS)/tools: requirements/dev.txt $(STAMPS)/python | $(STAMPS)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/dev.txt
	@touch $@

$(STAMPS)/node: tests/browser/package-lock.json tests/openid/package-lock.json web/package-lock.json $(STAMPS)/tools | $(STAMPS)
	cd tests/browser && npm ci --silent --ignore-scripts
	cd tests/openid && npm ci --silent --ignore-scripts
	cd web && npm ci --silent --ignore-scripts
	@touch $@

$(STAMPS)/extension: $(CORE_SOURCES) pyproject.toml $(STAMPS)/python | $(STAMPS)
	PIP_QUIET=2 $(BIN)/maturin develop --release --locked --quiet
	@touch $@

$(STAMPS)/swarm: $(SWARM_SOURCES) $(STAMPS)/system-build | $(STAMPS)
	cd loadtest/native && cargo build --release --locked --quiet
	@touch $@
