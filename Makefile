# Two commands need nothing but Python 3.11 or newer: `make demo` and `make test`.
# `make check` is for every commit: formatting, types, the direction of imports, and the quick tests.
# PYTHON=... chooses another Python.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PYTEST_ARGS ?=

# Tests of whole stacks of processes, servers and browsers, of simulated months, and of thousands of examples.
# `make check` leaves them out.
SLOW_TESTS := $(addprefix tests/, demo deploy main_job many_processes test_analyze_canvas_logs.py \
  $(addprefix core/, logs/test_rotation.py logs/test_writer_processes.py metrics/test_files.py test_asynchronous.py \
    test_threads.py \
    $(addprefix store/, incidents messages rollups test_deadlines.py test_run_deletion.py test_reuse.py test_run_search.py)) \
  $(addprefix docs/, test_export_pages.py test_quick_start.py test_threads_page.py test_tutorial_page.py \
    test_tutorial_pictures.py) \
  $(addprefix exporter/, commands http_server judge/simulation judge/test_rhythm.py jobs/test_clock_changes.py \
    messages/reports/test_due.py messages/reports/test_reading.py messages/test_delivery.py messages/test_messenger.py \
    messages/test_planner.py messages/test_planning.py messages/test_report_planner.py \
    $(addprefix logs/search/, test_demo_logs.py test_positions.py test_search.py) logs/test_due.py logs/test_cleanup*.py \
    logs/test_follow.py logs/test_staging.py logs/test_tail.py serving test_*.py web \
    $(addprefix ui/, pages test_dashboard_links.py test_every_page.py test_keys.py test_live_updates.py test_mount.py \
      test_site.py)) \
  $(addprefix instrumentation/, integrations test_disk_faults.py test_greenlets.py))
TESTS = -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
RUN_TESTS = $(BIN)/python $(TESTS)

BUILD_REQUIREMENTS = $(BIN)/python -c \
  'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")'
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command 'make lock' $(LOCK_ARGS)

.PHONY: demo test check quick lint format dashboards kubernetes images figures pictures lowest sqlite-tables surface lock dist sbom image-archive release-check clean

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

# Runs every script that docs/explanation/costs.md names and writes what they print to figures.txt: half an hour on
# two idle cores. Some peers are Debian packages: postgresql chromium isal pigz ripgrep jq.
figures: $(VENV)/.dev
	$(BIN)/python benchmarks/figures.py

# Needs Chromium (Debian: apt-get install chromium). Look at the pictures before you commit them.
pictures: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m support.pictures

# The quick tests with the oldest dependencies of the product that pyproject.toml allows, beside the newest test tools.
# OpenTelemetry's own instrumentations need a newer SDK than the oldest one.
lowest: $(VENV)/.dev
	@mkdir -p build
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --resolution lowest-direct --python-version 3.11 pyproject.toml \
	  --extra apprise --extra celery --extra demo --extra exporter --extra postgresql --output-file build/lowest.txt
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) build/lowest
	$(BIN)/uv pip install --quiet --python build/lowest --override build/lowest.txt --editable '.[dev]'
	build/lowest/bin/python $(TESTS) $(SLOW_TESTS:%='--ignore-glob=%') --ignore-glob='*opentelemetry.py' $(PYTEST_ARGS)

# What all migrations together do to an empty SQLite file.
sqlite-tables: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m support.sqlite_tables

# What users depend on, as of the release that is about to be made.
surface: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m support.surface

# The exact packages of the image, of its build and of the tests, with their hashes. Packages that still fit pyproject.toml
# keep their versions; `make lock LOCK_ARGS=--upgrade` takes the newest ones.
lock: $(VENV)/.dev
	$(BUILD_REQUIREMENTS) | $(COMPILE) - --output-file locks/build.txt
	$(COMPILE) pyproject.toml --extra exporter --extra demo --output-file locks/image.txt
	$(COMPILE) pyproject.toml --extra dev --output-file locks/dev.txt

# The same commit makes the same files, byte for byte.
dist image-archive: export SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct)
dist: $(VENV)/.dev
	rm -rf dist
	$(BIN)/hatchling build --directory dist

# What the image has beside its base image, as CycloneDX.
sbom: dist
	$(BIN)/uv venv --quiet --clear --python $(PYTHON) build/image
	$(BIN)/uv pip install --quiet --python build/image --require-hashes --requirement locks/image.txt
	$(BIN)/uv pip install --quiet --python build/image --no-deps dist/*.whl
	$(BIN)/cyclonedx-py environment --output-reproducible --output-file dist/sbom.cdx.json build/image

# The image, as an archive whose files have the commit's time.
image-archive:
	@mkdir -p dist
	docker buildx build --build-arg SOURCE_DATE_EPOCH --provenance=false \
	  --output type=oci,dest=dist/image.tar,rewrite-timestamp=true .

# Whether a tag may be released: TAG=v0.1.0
release-check: $(VENV)/.dev
	@version=$$($(BIN)/hatchling version) && \
	  { [ "$(TAG)" = "v$$version" ] || { echo "The tag must be v$$version, the version in version.py." >&2; exit 1; }; } && \
	  { grep -q "^## \[$$version\]" CHANGELOG.md || { echo "CHANGELOG.md has no section [$$version]." >&2; exit 1; }; }

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

$(VENV)/.dev: $(VENV)/.python pyproject.toml locks/dev.txt
	$(BIN)/python -m pip install --quiet --require-hashes --requirement locks/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
