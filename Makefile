# `make run` and `make test` are all that is needed on a fresh machine: each makes its own environment first.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
CODE := components flows registry infra
# Keyed to what is to be installed: the stamp's name changes with it, so nothing is installed twice.
KEY := $(shell cat pyproject.toml constraints.txt 2>/dev/null | cksum | cut -d ' ' -f 1)

.PHONY: help run test proofs lint types format repro serve down clean checkout

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.run-$(KEY) ## run the default study from data to champion; only what changed is executed
	@$(BIN)/ceteris run

test: $(VENV)/.test-$(KEY) lint types ## everything that is checked before a change goes in
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not slow" --ignore tests/pipeline
	@# Whole studies: both front doors beside everything else.
	@$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m "not slow" tests/pipeline

proofs: $(VENV)/.test-$(KEY) ## the slow tests: what is claimed, proved at length
	@$(BIN)/python -m pytest -q -m slow

lint: $(VENV)/.test-$(KEY) ## style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(VENV)/.test-$(KEY) ## types
	@$(BIN)/mypy

format: $(VENV)/.test-$(KEY) ## put the style right
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

repro: $(VENV)/.run-$(KEY) ## the other door: run the same graph with DVC alone
	@PATH="$(CURDIR)/$(BIN):$$PATH" SHELL=/bin/bash $(BIN)/dvc repro

serve: $(VENV)/.run-$(KEY) ## keep the study on the Prefect page, to be started or scheduled there
	@$(BIN)/ceteris serve

down: ## end the servers of this clone
	@if [ -x $(BIN)/ceteris ]; then $(BIN)/ceteris down; fi

clean: ## end the servers and remove what was made, but not the DVC cache
	@if [ -x $(BIN)/ceteris ]; then $(BIN)/ceteris down || true; fi
	rm -rf $(VENV) .ceteris outputs reports workspaces mlartifacts mlflow.db* .mypy_cache .ruff_cache *.egg-info

checkout:
	@reason=$$(git rev-parse --git-dir 2>&1) || { \
	  if [ -e .git ]; then echo "error: git does not accept the checkout $(CURDIR): $$reason" >&2; \
	  else echo "error: $(CURDIR) is not a Git checkout: clone Ceteris with git and run make inside the clone." >&2; fi; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "error: $(PYTHON) is not Python 3.11 or newer: name one, for example make PYTHON=python3.12 run." >&2; exit 2; }

$(BIN)/python: | checkout
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run-$(KEY): | checkout $(BIN)/python
	@echo "installing the pinned packages into $(VENV)"
	@$(PIP) install -c constraints.txt -e .
	@rm -f $(VENV)/.run-* $(VENV)/.test-* && touch $@

$(VENV)/.test-$(KEY): | $(VENV)/.run-$(KEY)
	@echo "installing what the tests need into $(VENV)"
	@$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@
