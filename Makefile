# Every target sets up .venv first, once; no environment needs to be active.

PYTHON ?= python3
DATA ?=

BIN := .venv/bin
READY := .venv/.ready
PYTEST := $(BIN)/python -m pytest -p tests.skip_rule
SOURCES := sysproduction tests scripts

unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help venv demo run test check lint bench docs soak

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(READY) ## Create .venv with the pinned versions of scripts/constraints.txt (PYTHON=… chooses the interpreter)

demo: $(READY) ## Walk trading days through real processes in a fresh home and sum up (DATA=DIR: real prices)
	@$(BIN)/python scripts/demo.py $(if $(DATA),--data "$(DATA)")

run: $(READY) ## Start the supervisor and stay; stop it with Ctrl-C
	@$(BIN)/sysproduction up

test: $(READY) ## Run the tests; lists what was skipped
	@$(PYTEST) -n 2 --dist worksteal -m "not soak"

# The tests follow lint in one recipe, so that `make -j check` does not run them beside it.
check: lint ## Format, lint, types, then the tests
	@$(PYTEST) -n 2 --dist worksteal -m "not soak"

lint: $(READY) ## Format, lint and types alone
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/mypy

bench: $(READY) ## Measure the performance targets; fails if one is missed
	@$(BIN)/python tests/bench/run.py

docs: $(READY) ## Write docs/reference from the code
	@$(BIN)/python scripts/reference.py

soak: $(READY) ## Run the long sweeps
	@$(PYTEST) -m soak

# The stamp is taken away first and put back last. Without it .venv may be half made, so it is made anew; with an
# outdated one it is brought up to date in place. Nothing is resolved: `pip check` proves that the pins are complete.
$(READY): pyproject.toml scripts/constraints.txt
	@if [ -e $@ ]; then rm $@; else \
	  $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	    echo "make: Python 3.11, 3.12 or 3.13 is needed, but '$(PYTHON)' is $$($(PYTHON) --version 2>&1);" \
	      "name another one: make PYTHON=/path/to/python3.12" >&2; exit 1; }; \
	  echo "Setting up .venv (about a minute, 1.1 GB) ..."; \
	  $(PYTHON) -m venv --clear .venv; fi
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r scripts/constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m pip check
	@touch $@
