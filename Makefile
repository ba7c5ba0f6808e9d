# `make help` lists the targets. Everything runs inside .venv, which `make setup` makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types format bench clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | column -t -s '|'

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

setup: $(STAMP) ## make .venv and install batchsync with what development needs

demo: $(STAMP) ## run the main job against the local sandbox, on media made on the spot
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash manifests/demo.sh

test: $(STAMP) ## the whole test suite, in parallel and in random order
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

format: $(STAMP) ## apply ruff's format and its safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP) ## measure; prints figures, asserts nothing by the clock
	$(BIN)/python -m tests.bench

clean: ## remove what the targets above made
	rm -rf $(VENV) .demo manifests/media manifests/outputs manifests/.batchsync .bench build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
