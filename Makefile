# The tasks of this repository. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PYTHON

BIN := .venv/bin
PACKAGES := infra registry compliance serving pipelines
WORKERS ?= 3
GUARDED := $(BIN)/python -m tests.guarded
PYTEST = $(GUARDED) -m tests.in_memory -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder
FAST := tests/unit tests/architecture tests/docs
CODE := $(PACKAGES) $(wildcard benchmarks) tests
LINTED := $(CODE) setup.py
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(UPGRADE)
SHARED := numpy pandas scipy scikit-learn skops cloudpickle mlflow-skinny

.PHONY: help
help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

.PHONY: setup
setup:  ## Create both environments from the locks; instant when nothing changed
	@infra/setup.sh </dev/null

.PHONY: demo
demo: setup  ## Play the demo with real models and live traffic (ARGS="--exit" ends it by itself)
	@$(BIN)/acgs demo $(ARGS)

.PHONY: up
up: setup  ## Run the platform in this terminal; Ctrl-C stops it
	@$(BIN)/acgs up $(ARGS)

.PHONY: test
test: setup  ## Run every test (ARGS="tests/unit -k name" runs some, WORKERS=0 in one process)
	@$(GUARDED) -m tests.browser
	@$(GUARDED) -m infra.servers
	@$(PYTEST) $(ARGS)

# A third worker would wait for the processor, and collecting takes each ten seconds of it.
test-fast: WORKERS := 2

.PHONY: test-fast
test-fast: setup  ## Run the tests that start no server (ARGS="-k name" runs some)
	@$(PYTEST) -p tests.support.no_servers -m "not slow" $(FAST) $(ARGS)

.PHONY: check
check: setup  ## Lint, format, types and import direction, without changing anything
	@$(BIN)/ruff check $(LINTED)
	@$(BIN)/ruff format --check $(LINTED)
	@$(BIN)/mypy $(CODE)
	@$(BIN)/lint-imports --no-cache

.PHONY: format
format: setup  ## Format the code and fix what can be fixed
	@$(BIN)/ruff check --fix $(LINTED)
	@$(BIN)/ruff format $(LINTED)

.PHONY: docs
docs: setup  ## Write the generated parts of the documentation
	@$(BIN)/python -m tests.docs.generate

.PHONY: bench
bench: setup  ## Measure the numbers the platform promises
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: lock
lock: setup  ## Resolve the locks again (UPGRADE=--upgrade takes newer versions)
	$(COMPILE) requirements/bootstrap.in --output-file requirements/bootstrap.txt
	$(COMPILE) requirements/platform.in --output-file requirements/platform.txt
	$(COMPILE) requirements/dev.in --output-file requirements/dev.txt
	$(COMPILE) --no-deps requirements/servers.in --output-file requirements/servers.txt
	$(COMPILE) requirements/client-2.22.in --output-file requirements/client-2.22.txt
	$(COMPILE) requirements/client-3.1.in --output-file requirements/client-3.1.txt
	@for name in $(SHARED); do sed -n "s/^\($$name==[^ ;]*\).*/\1/p" requirements/platform.txt; done \
		| LC_ALL=C sort >requirements/shared-with-platform.txt
	$(COMPILE) requirements/serving.in --constraint requirements/shared-with-platform.txt \
		--override requirements/serving-overrides.txt --output-file requirements/serving.txt

.PHONY: wheel
wheel: setup  ## Build the source distribution and the wheel into dist/
	@$(BIN)/uv --no-config --quiet build --offline --no-build-isolation --python $(BIN)/python
	@rm -rf acgs_mlops.egg-info
	@ls dist/*.whl

.PHONY: clean
clean:  ## Remove environments and caches; the storage root .acgs stays
	@rm -rf .venv .venv-serving .cache build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache \
		.hypothesis .import_linter_cache
	@find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
