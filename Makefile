# Two commands need nothing but Python 3.11 or newer: `make demo` and `make test`.
# `make check` is for every commit: formatting, types, the direction of imports, and the quick tests.
# PYTHON=... chooses another Python.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

# Tests of whole stacks of processes and servers, and of simulated months. `make check` leaves them out.
SLOW_TESTS := $(addprefix tests/, demo deploy main_job many_processes test_analyze_canvas_logs.py \
  $(addprefix core/, store/rollups/test_writing.py store/test_deadlines.py test_threads.py) \
  docs/test_tutorial_page.py \
  $(addprefix exporter/, commands http_server judge/simulation judge/test_rhythm.py \
    messages/test_delivery.py messages/test_messenger.py messages/test_planning.py messages/test_report_planner.py \
    logs/test_retention*.py logs/test_staging.py serving test_*.py web) \
  $(addprefix instrumentation/, integrations test_disk_faults.py test_greenlets.py))
RUN_TESTS = $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo test check quick lint format dashboards kubernetes images clean

demo: $(VENV)/.demo
	$(BIN)/canvas-sync-monitor demo $(DEMO_ARGS)

test: $(VENV)/.dev
	$(RUN_TESTS) $(PYTEST_ARGS)

check: lint quick

quick: $(VENV)/.dev
	$(RUN_TESTS) $(SLOW_TESTS:%='--ignore-glob=%') $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# What is generated; a test fails when it is not up to date.
dashboards: $(VENV)/.dev
	PYTHONPATH=deploy/grafana $(BIN)/python -m canvas_sync_dashboards

kubernetes: $(VENV)/.dev
	$(BIN)/python deploy/kubernetes/generate.py

# Needs the network: pins the images by digest, or renews the digests.
images:
	$(PYTHON) deploy/images/pin_images.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; choose one with 'make PYTHON=/path/to/python3'." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "This Python cannot make virtual environments; on Debian: apt-get install python3-venv." >&2; \
	    rm -rf $(VENV); exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@
