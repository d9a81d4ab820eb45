# From a clean clone: `make sweep` installs everything and runs the quickstart; `make test` runs the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml constraints.txt
LOWEST := .venv-lowest
CHAMPIONS := tests/export/test_building.py tests/export/test_loading.py tests/export/test_registering.py tests/export/test_versions.py tests/export/formats/test_exporting.py
# Half of the suite is waiting for worker processes to start: two files of tests at a time take hardly more than one.
TEST_PROCESSES ?= 2

.PHONY: sweep test coverage test-slow test-docs test-servers cluster-faults server-programs test-lowest check hooks format \
	docs dist clean

sweep: $(VENV)/.installed
	$(BIN)/harness sweep --config quickstart

test: $(VENV)/.installed-test
	$(BIN)/pytest -m "not slow" -n $(TEST_PROCESSES) --dist loadfile

# Branches that `test` takes, in the tests, in commands and in workers; what is killed in the middle of a task is lost.
coverage: $(VENV)/.installed-test
	rm -rf build/coverage
	$(BIN)/coverage run -m pytest -m "not slow" -n $(TEST_PROCESSES) --dist loadfile $(COVERAGE_TESTS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

test-slow: $(VENV)/.installed-test
	$(BIN)/pytest -m slow

# Every command of README and docs, in an environment made as README says: half an hour, and a network for pip.
test-docs: $(VENV)/.installed-test
	HARNESS_DOCS_TEST=1 $(BIN)/pytest -n 0 -m slow tests/test_commands_of_docs.py

# PostgreSQL, nginx and moto are started by the tests, on 127.0.0.1, and ended with them.
test-servers: $(VENV)/.installed-test-servers
	HARNESS_SERVER_TESTS=required $(BIN)/pytest -n 0 tests/servers

# Breaks a Ray cluster under real sweeps in every way, in a network namespace: a quarter of an hour.
cluster-faults: $(VENV)/.installed-test
	$(BIN)/python benchmarks/cluster_faults.py

# What `test-servers` needs beside Python, on Debian and Ubuntu; as root.
server-programs:
	apt-get update
	apt-get install --yes --no-install-recommends postgresql nginx-light

# The oldest versions that pyproject.toml allows write and read champions, and so do the newest; then each environment
# reads what the other one wrote. Warnings of old versions are nobody's fault here.
test-lowest: $(VENV)/.installed-test $(LOWEST)/.installed
	mkdir -p build
	$(LOWEST)/bin/python -m pytest -q -n 0 -o filterwarnings=ignore --basetemp build/lowest $(CHAMPIONS) -k "not litert"
	$(BIN)/python -m pytest -q -n 0 --basetemp build/newest $(CHAMPIONS) -k "not litert"
	$(LOWEST)/bin/python tests/champions_again.py build/newest
	$(BIN)/python tests/champions_again.py build/lowest

check: $(VENV)/.installed-test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# `git commit` runs what `check` runs; the hooks are of this checkout alone and fetch nothing.
hooks: $(VENV)/.installed-test
	$(BIN)/pre-commit install

format: $(VENV)/.installed-test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The site, in build/site; a warning is an error. The banner speaks of a later MkDocs, which is not used.
docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Wheel and source distribution in dist/, checked; nothing is uploaded.
dist: $(VENV)/.installed-docs
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*

clean:
	rm -rf $(VENV) $(LOWEST) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(SOURCES) | $(BIN)/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[data]"
	touch $@

$(VENV)/.installed-test: $(SOURCES) | $(BIN)/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[data,test]"
	touch $@ $(VENV)/.installed

$(VENV)/.installed-test-servers: $(VENV)/.installed-test
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[data,test,test-servers]"
	touch $@

$(VENV)/.installed-docs: $(SOURCES) | $(BIN)/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[docs,release]"
	touch $@

$(LOWEST)/.installed: pyproject.toml tests/lowest.py | $(BIN)/python
	$(PYTHON) -m venv $(LOWEST)
	$(BIN)/python tests/lowest.py > $(LOWEST)/constraints.txt
	$(LOWEST)/bin/pip install --quiet --constraint $(LOWEST)/constraints.txt --editable ".[onnx]" pytest pytest-xdist
	touch $@
