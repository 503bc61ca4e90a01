# SPDX-License-Identifier: MIT
# One-line forwards; what they do is in sim/ (no simulator flags here).
SHELL := /bin/sh
PY := .venv/bin/python
ARGS ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
setup: ## make .venv with everything that run and test need
	@sim/setup.sh test
run: ## nicosim run: probe, traffic both ways, a capture, remove; ARGS="--help" for its options
	@sim/setup.sh run && $(PY) -m sim.cli run $(ARGS)
test: ## the whole test suite
	@sim/setup.sh test && $(PY) -m pytest $(ARGS)
bench: ## how fast it is: tables, JSON, plots; ARGS="--quick" for three minutes
	@sim/setup.sh test && $(PY) -m sim.cli bench $(ARGS)
cover: ## which lines, branches and circumstances the tests reach: tables, lcov; ARGS="--only driver" for the quick half
	@sim/setup.sh test && $(PY) -m tests.coverage $(ARGS)
mutate: ## change card and driver in small ways: do the tests notice? ARGS="--list", "--only hdl/csr"; an hour
	@sim/setup.sh test && $(PY) -m tests.mutate $(ARGS)
check: ## lint, types and unit tests: under a minute
	@sim/setup.sh test && $(PY) -m ruff check . && $(PY) -m mypy && $(PY) -m pytest -q tests/unit tests/lint $(ARGS)
regs: ## regenerate what hdl/csr/nic.rdl is the source of
	@sim/setup.sh test && $(PY) hdl/csr/generate.py
clean: ## forget builds and runs (.venv stays)
	@rm -rf build runs
.PHONY: help setup run test bench cover mutate check regs clean
