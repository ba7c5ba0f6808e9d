# `make help` lists the targets. Everything runs inside .venv, which `make setup` makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-browser lint types format soak fuzz bench pictures clean

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

test-browser: $(STAMP) ## what people see, driven in Chromium (apt-get install chromium)
	$(BIN)/python -m pytest -n 0 -m browser tests/browser

lint: $(STAMP) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy, strict
	$(BIN)/mypy

format: $(STAMP) ## apply ruff's format and its safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

soak: $(STAMP) ## hours of kills and random orders of events, instead of minutes
	$(BIN)/python -m tests.acceptance.soak --kills 200
	BATCHSYNC_SOAK=1 $(BIN)/python -m pytest --timeout=0 tests/integration/test_kill_points.py \
		tests/integration/test_state_machine.py tests/integration/test_fuzz_answers.py

fuzz: $(STAMP) ## coverage-guided fuzzing of manifests and answers (installs atheris)
	$(BIN)/python -m pip install --quiet atheris
	mkdir -p .fuzz/manifest
	$(BIN)/python -m tests.fuzz.manifest -max_total_time=60 .fuzz/manifest manifests
	$(BIN)/python -m tests.fuzz.answers -max_total_time=60

bench: $(STAMP) ## measure beside the official SDK, a bare loop and curl (ten minutes); less: PARTS="span --quick"
	$(BIN)/python -m tests.bench $(PARTS)

pictures: $(STAMP) ## make the pictures of README and docs anew, by running the real thing
	$(BIN)/python -m tests.pictures

clean: ## remove what the targets above made
	rm -rf $(VENV) .demo manifests/media manifests/outputs manifests/.batchsync .bench .fuzz build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
