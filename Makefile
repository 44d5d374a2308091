# make compare   the main job on an embedded problem: which optimizer and learning rate for digits-mlp?
# make test      the tests            make lint   format, lint, types, import contracts
# make bench     the benchmarks       make clean  remove what make made
# make worst-cases  computes the stored worst cases of steepest.theory again, a quarter of an hour of solver time
# Each builds the environment it needs, in .venv, from pyproject.toml and constraints.txt.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: compare test lint format bench worst-cases clean

compare: $(VENV)/.lab
	$(BIN)/steepest compare digits-mlp $(ARGS)

test: $(VENV)/.dev
	$(BIN)/pytest -n auto $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

worst-cases: $(VENV)/.dev
	$(BIN)/python -m steepest.theory.performance.build_table

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[torch,lab]'
	touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.lab
