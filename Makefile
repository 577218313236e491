# Quartermaster: everything a newcomer or a machine runs. `make demo` and `make test` are enough.
#
#   make demo [DB=timescale] [ONCE=1]   broker, database, cloud and two gateways, live
#   make test                           every test, on real mosquitto and real TimescaleDB
#   make check                          format, lint, types, import rules, unit and contract tests
#   make faults [SHORT=1]               break real processes a hundred ways; nothing lost or doubled
#   make client                         a typed Python client of the API, in build/client
#   make bench NAME=ingest              one bench; its last line is one JSON object
#   make install | lock | clean

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: install demo test check faults client bench lock clean

install: $(STAMP)

# A virtual environment is made anew from the lock; the stamp says that it is complete.
$(STAMP): requirements.lock pyproject.toml edge/web/package-lock.json deploy/install/*.sh
	deploy/install/system-packages.sh
	deploy/install/virtual-environment.sh $(PYTHON) $(VENV)
	deploy/install/web-packages.sh
	deploy/install/epcis-schema.sh $(VENV)
	touch $@

demo: $(STAMP)
	$(BIN)/quartermaster demo $(if $(DB),--database $(DB)) $(if $(ONCE),--once)

test: $(STAMP)
	$(BIN)/python -m deploy.debian
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/pytest -n 2 --dist loadfile tests/unit tests/contracts

faults: $(STAMP)
	$(BIN)/python -m deploy.debian
	@$(BIN)/python -m tests.faults $(if $(SHORT),--short)

client: $(STAMP)
	mkdir -p build
	$(BIN)/quartermaster cloud openapi > build/openapi.json
	$(BIN)/openapi-python-client generate --path build/openapi.json --config deploy/client.yaml \
		--meta setup --overwrite --output-path build/client

bench: $(STAMP)
	@test -n "$(NAME)" || { echo "Say which one: make bench NAME=ingest"; ls tests/benchmarks; exit 2; }
	@$(BIN)/python -m tests.benchmarks.bench_$(NAME)

# Resolves the versions in pyproject.toml to hashes. The locks name no host and no index.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock: $(STAMP)
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' \
		| $(LOCK) pyproject.toml - --extra dev --output-file requirements.lock
	$(LOCK) pyproject.toml --extra edge --output-file requirements-edge.lock
	$(LOCK) pyproject.toml --extra cloud --output-file requirements-cloud.lock

clean:
	rm -rf $(VENV) edge/web/vendor edge/web/node_modules .run .artifacts build dist *.egg-info .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find shared edge cloud deploy tests -name __pycache__ -prune -exec rm -rf {} +
