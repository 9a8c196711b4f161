# make check: format, lint, types, layers.   make test: check, then the whole suite (what CI runs).
# PYTHON names the interpreter that makes the environment (3.11 or newer).
PYTHON ?= python3
BIN := .venv/bin
.DEFAULT_GOAL := test
.PHONY: check test

# One environment, from the lock with its hashes. The stamp is its last step, so that a half-made one is made again.
.venv/.stamp: requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "intentd needs Python 3.11 or newer: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

check: .venv/.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests that this machine cannot run are skipped by name, with the reason, and counted in the closing line.
test: check
	$(BIN)/python -m pytest
