# Every target works in a fresh clone with Python 3.11, make and git: the first one that needs it creates .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
AIRFLOW_VERSION ?= 3.3.2
PYTEST_ARGS ?=
BENCH_ARGS ?=

# Mutations to run; nothing stands for all of them.
MUTATIONS ?=

# How often each crash point is run.
CHAOS_REPETITIONS ?= 1

# Processes that share the tests, each with a real Airflow of its own for a while.
TEST_PROCESSES ?= 2

# How many trainings the cluster is asked for at once.
CLUSTER_TRAININGS ?= 300

# Wishes: a port that is taken is replaced by a free one.
AIRFLOW_PORT ?= 8080
EMULATOR_PORT ?= 8765
# Rows of the version matrix and their tests; nothing stands for all of them.
MATRIX_VERSIONS ?=
MATRIX_STAGES ?= unit dags system
# No further row is begun after so many minutes.
MATRIX_MINUTES ?= inf
# Seconds that a training takes in the demo.
DURATION ?= 25

# What is installed for work on the provider; a comma in the text of a call would end its argument.
EVERYTHING := '.[emulator,images]'

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
RUNNABLE := $(VENV)/.runnable
CLUSTERED := $(VENV)/.clustered

.DEFAULT_GOAL := help
.PHONY: help mutations demo demo-assets airflow install lint format test test-unit test-matrix test-secrets package audit dependencies public-api chaos cluster cluster-test bench docs docs-screenshots constraints clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The demo needs less than the tests do.
$(RUNNABLE): pyproject.toml dev/constraints.txt
	@$(call install,'.[emulator]')

$(INSTALLED): pyproject.toml dev/constraints.txt
	@$(call install,$(EVERYTHING) --group dev)
	@touch $(RUNNABLE)

# Celery, which only the cluster needs.
$(CLUSTERED): $(INSTALLED)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint dev/constraints.txt --editable $(EVERYTHING) --group cluster
	@touch $@

define install
	echo "Installing Airflow $(AIRFLOW_VERSION) and the provider into $(VENV) (once, a minute or less) ..."
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint dev/constraints.txt uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint dev/constraints.txt --editable $(1)
	touch $@
endef

DEMO = $(BIN)/python -m dev.demo --airflow-port $(AIRFLOW_PORT) --emulator-port $(EMULATOR_PORT) --duration $(DURATION)

demo: $(RUNNABLE)  ## See a real Airflow train a model on the local emulator and render with it
	@$(DEMO)

airflow: $(RUNNABLE)  ## The same, left running with Airflow's UI until Ctrl-C
	@$(DEMO) --keep

demo-assets: $(INSTALLED)  ## Photographs in object storage to rendered images in object storage, by two DAGs joined by an asset
	@$(BIN)/python -m dev.demo.assets --airflow-port $(AIRFLOW_PORT) --emulator-port $(EMULATOR_PORT) --duration $(DURATION)

install: $(INSTALLED)  ## Create .venv with Airflow, the provider and the development tools

lint: $(INSTALLED)  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict

format: $(INSTALLED)  ## Reformat, and fix what can be fixed automatically
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(INSTALLED)  ## Unit, DAG and system tests
	$(BIN)/python -m pytest --numprocesses=$(TEST_PROCESSES) --dist=loadscope --no-loadscope-reorder --durations=15 $(PYTEST_ARGS)

test-unit: $(INSTALLED)  ## Unit tests alone: two minutes
	$(BIN)/python -m pytest tests/unit --numprocesses=$(TEST_PROCESSES) --dist=loadscope --no-loadscope-reorder $(PYTEST_ARGS)

test-matrix: $(INSTALLED)  ## The same tests on every Airflow from 2.11 on, or on MATRIX_VERSIONS="2.11.2 3.3.2"
	$(BIN)/python -m dev.matrix run --versions "$(MATRIX_VERSIONS)" --stages "$(MATRIX_STAGES)" --minutes $(MATRIX_MINUTES)

chaos: $(INSTALLED)  ## Crash points: is every training paid exactly once? Needs PostgreSQL; CHAOS_REPETITIONS=3 for the full claim
	CHAOS_REPETITIONS=$(CHAOS_REPETITIONS) $(BIN)/python -m pytest tests/chaos -q -rN --tb=short $(PYTEST_ARGS)

mutations: $(INSTALLED)  ## Remove one promise about money after the other: do the tests notice? Half an hour; MUTATIONS="name ..." for some
	@$(BIN)/python -m dev.mutations $(MUTATIONS)

test-secrets: $(INSTALLED)  ## The connection from variables, database, files and a secrets server, and what an outage of that does
	$(BIN)/python -m pytest tests/secrets_backends --durations=5 $(PYTEST_ARGS)

cluster: $(CLUSTERED)  ## An Airflow with two schedulers, triggerers and Celery workers, left running until Ctrl-C. Needs PostgreSQL and Redis
	@$(BIN)/python -m dev.cluster --airflow-port $(AIRFLOW_PORT) --emulator-port $(EMULATOR_PORT) --duration $(DURATION)

cluster-test: $(CLUSTERED)  ## Break such a cluster: is every training paid once, and none lost? CLUSTER_TRAININGS=60 is shorter
	CLUSTER_TRAININGS=$(CLUSTER_TRAININGS) $(BIN)/python -m pytest tests/cluster -rN --tb=short $(PYTEST_ARGS)

bench: $(INSTALLED)  ## Measure what waiting costs, half an hour; BENCH_ARGS='--only schedule' for a part; writes docs/benchmarks
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint dev/constraints.txt --editable $(EVERYTHING) --group bench
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

docs: $(INSTALLED)  ## Build the documentation site into docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet --fresh-env --jobs auto --builder html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

docs-screenshots: $(INSTALLED)  ## Take the documentation's screenshots anew from a real Airflow (needs chromium)
	$(BIN)/python -m docs.screenshots

package: $(INSTALLED)  ## Build wheel and source archive, check them, install them into empty environments
	@rm -rf dist
	@$(BIN)/python -m dev.release build
	@$(BIN)/python -m dev.release install

audit: $(INSTALLED)  ## Ask an advisory service about all that is installed with the provider
	@$(BIN)/python -m dev.release audit

dependencies: $(INSTALLED)  ## Renew the documentation's table of dependencies
	@$(BIN)/python -m dev.release dependencies

public-api: $(INSTALLED)  ## Renew the stored description of the public interface
	@AIRFLOW_HOME=$(abspath $(VENV))/airflow-home $(BIN)/python -m tests.public_api

constraints: $(INSTALLED)  ## Renew dev/constraints.txt with the newest releases
	@echo 'apache-airflow==$(AIRFLOW_VERSION)' > $(VENV)/airflow-version.txt
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --group cluster --group bench --universal --python-version 3.11 --upgrade --quiet \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--constraint $(VENV)/airflow-version.txt --output-file dev/constraints.txt

clean:  ## Remove .venv and everything else that was made here
	rm -rf $(VENV) docs/_build .demo .matrix demo-output build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
