# From a clean clone: `make sweep` installs everything and runs the quickstart; `make test` runs the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml constraints.txt
# Half of the suite is waiting for worker processes to start: two files of tests at a time take hardly more than one.
TEST_PROCESSES ?= 2

.PHONY: sweep test test-slow check format clean

sweep: $(VENV)/.installed
	$(BIN)/harness sweep --config quickstart

test: $(VENV)/.installed-test
	$(BIN)/pytest -m "not slow" -n $(TEST_PROCESSES) --dist loadfile

test-slow: $(VENV)/.installed-test
	$(BIN)/pytest -m slow

check: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(SOURCES) | $(BIN)/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[data]"
	touch $@

$(VENV)/.installed-test: $(SOURCES) | $(BIN)/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[data,test]"
	touch $@ $(VENV)/.installed
