# Everything a person needs: `make demo`, `make test`, `make check`, `make gym`, `make tune`, `make clean`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help
help:
	@echo "make demo   intentd mends real faults on a real cluster while you watch"
	@echo "make check  format, lint, types, layers"
	@echo "make test   make check, then the whole suite; what this machine lacks is skipped by name"
	@echo "make tune   train the small judge for a few steps, export it, serve it, ask it"
	@echo "make safety hostile answers, kills, power loss, secrets, injections: one table"
	@echo "make gym    the whole catalogue of faults, scored live beside baselines: var/gym/*/report.html (an hour or more)"
	@echo "make clean  stop what the gym runs; delete caches, virtual environments and var/"

# The stamp says that the environment holds what the lock says.
$(VENV)/.stamp: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar on --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	touch $@

.PHONY: check
check: $(VENV)/.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What CI runs (.ci/run). What this machine lacks is skipped by name, with the reason, and counted in the last line.
# The tests of the model need its base weights (two models, 590 MB, Apache-2.0): fetched once, checked by digest.
.PHONY: test
test: check
	-$(BIN)/python -m gym weights --accept-weights
	$(BIN)/python -m pytest

# The long form of the safety tests (docs/safety.md), as one table. 0 only where every try was made and nothing came
# past, happened twice, was lost or leaked. make safety ARGS='--quick' is shorter, ARGS='kills -o json' one part of it.
.PHONY: safety
safety: $(VENV)/.stamp
	-$(BIN)/python -m gym weights --accept-weights
	$(BIN)/python -m tests.safety $(ARGS)

.PHONY: demo
demo: $(VENV)/.stamp
	$(BIN)/python -m gym demo --accept-weights

# One variant of every scenario of the catalogue and, where it lies beside this repository, the library of cases; then
# a table and a report each. The same command goes on where it was cut short; delete var/gym to begin anew. The cases are
# written once, so that what is resumed is what was begun. 1 where some could not be run; ARGS='--model none --lanes 2'.
GYM := var/gym
CASES ?= ../shared/data/faults
.PHONY: gym
gym: $(VENV)/.stamp
	@mkdir -p $(GYM); test -d $(GYM)/cases || { rm -rf $(GYM)/cases.part && \
	  $(BIN)/python -m gym catalogue --variants 1 --out $(GYM)/cases.part && mv $(GYM)/cases.part $(GYM)/cases; }
	@$(BIN)/python -m gym run --cases $(GYM)/cases --out $(GYM)/catalogue --accept-weights $(ARGS); code=$$?; \
	if test $$code -le 1 && test -d $(CASES); then \
	  $(BIN)/python -m gym run --cases $(CASES) --out $(GYM)/library --accept-weights $(ARGS); last=$$?; \
	  test $$last -le $$code || code=$$last; \
	fi; \
	exit $$code

# The trainer's own environment (torch, a few GB).
TUNING := .venv-tuning
$(TUNING)/.stamp: requirements/tuning.txt requirements/runtime.txt
	test -x $(TUNING)/bin/python || $(PYTHON) -m venv $(TUNING)
	$(TUNING)/bin/python -m pip install --disable-pip-version-check --progress-bar on --require-hashes -r requirements/tuning.txt -r requirements/runtime.txt
	touch $@

# Each step takes and gives back hundreds of MB. glibc's defaults return them to the kernel and fault them in again
# page by page; kept in one arena of huge pages, a step took a third of the time. Waiting threads sleep.
TRAIN_ENV := MALLOC_MMAP_THRESHOLD_=8589934592 MALLOC_TRIM_THRESHOLD_=17179869184 MALLOC_TOP_PAD_=268435456 \
	MALLOC_ARENA_MAX=1 GLIBC_TUNABLES=glibc.malloc.hugetlb=1 OMP_WAIT_POLICY=PASSIVE

.PHONY: tune
tune: $(VENV)/.stamp $(TUNING)/.stamp
	$(TRAIN_ENV) $(BIN)/python -m tuning.rehearse --trainer $(TUNING)/bin/python --accept-weights

# make train ARGS='--base FILE --data FILE --out FOLDER': see docs/tuning.md
.PHONY: train
train: $(TUNING)/.stamp
	$(TRAIN_ENV) $(TUNING)/bin/python -u -m tuning.train $(ARGS)

.PHONY: clean
clean:
	test ! -x $(BIN)/python || $(BIN)/python -m gym clean --yes
	rm -rf $(VENV) .venv-tuning var dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
