# Needs Python 3.10 or newer, pip and make. Everything else is installed into .venv.

PYTHON ?= python3
TORCH  := torch==2.13.0
JOBS   ?= 2
ARGS   ?=
PEER   ?=
AXES   ?= cache cp tp tp+cp controlnet te vae

BIN       := .venv/bin
INSTALLED := .venv/.installed
MEASURED  := encoder_shares vae_parallel overhead context_parallel quality tensor_parallel
SOURCES   := $(shell find src -name '*.py')
CODE      := $(wildcard src tools tests examples benchmarks)

.DEFAULT_GOAL := help
OLDEST   := .venv-oldest/.installed
VERSIONS := torch==2.6.0 diffusers==0.36.* transformers==4.57.*
SINCE    := tests/demo tests/test_registry.py tests/test_api.py tests/caching/block_adapters \
            tests/caching/calibrators tests/architecture/test_public_api.py

.PHONY: help install demo test nightly test-oldest coverage check lint types structure format docs \
        verify benchmarks generate clean

help:            ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo "Options: PYTHON=python3.12 (for a new .venv), JOBS=4 (test processes), ARGS='...' (to pass on)"

install: $(INSTALLED)  ## create .venv with torch, the package and its tools

demo: $(INSTALLED)     ## speed up the embedded trained model; write a table and a picture
	$(BIN)/cache-dit demo $(ARGS)

test: $(INSTALLED)     ## run the tests; ARGS='-k name' selects
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

nightly: $(INSTALLED)  ## run the tests that are too long for every run
	$(BIN)/python -m pytest -n $(JOBS) -m nightly $(ARGS)

test-oldest: $(OLDEST)  ## import, adapters, predictors and demo with the oldest supported versions
	.venv-oldest/bin/python -m pytest -n $(JOBS) $(SINCE) $(ARGS)

coverage: $(INSTALLED) ## run the tests and report the lines and branches they miss
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term-missing $(ARGS)

check: lint types structure  ## everything that needs no test run

lint: $(INSTALLED)     ## style and spelling
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/codespell $(CODE) docs *.md

types: $(INSTALLED)    ## static types
	$(BIN)/mypy

structure: $(INSTALLED) ## who imports whom, how long files and functions are
	$(BIN)/python tools/check_structure.py

format: $(INSTALLED)   ## rewrite the code in the house style
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

docs: $(INSTALLED)     ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

verify: $(INSTALLED)   ## prove all models anew, and write the matrix; AXES='cp tp' for some axes only
	set -e; for axis in $(AXES); do \
	  $(BIN)/cache-dit verify --all --axis $$axis --json src/cache_dit/verify/matrix.json $(ARGS); done
	$(BIN)/python tools/generate_docs.py

benchmarks: $(MEASURED:%=outputs/benchmarks/%.json)  ## measure anew, and write tables and plots; called again, goes on
	cp $^ benchmarks/results/
	$(BIN)/python tools/generate_docs.py

outputs/benchmarks/context_parallel.json: $(wildcard benchmarks/context_*.py) benchmarks/link.py
outputs/benchmarks/overhead.json: benchmarks/subjects.py
outputs/benchmarks/quality.json: benchmarks/quality_settings.py
outputs/benchmarks/overhead.json: OPTIONS = $(PEER:%=--peer %)
outputs/benchmarks/%.json: benchmarks/%.py $(SOURCES) | $(INSTALLED)
	$(BIN)/python $< $(OPTIONS) --json $@

generate: $(INSTALLED) ## rewrite the pages that are derived from the code
	$(BIN)/python tools/generate_docs.py

clean:           ## remove .venv and everything that was built
	rm -rf .venv .venv-oldest site outputs .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

# torch comes first, and is named again, so that nothing else chooses another version of it.
# Where the system's Python lacks ensurepip (Debian), its own pip fills the environment.
.venv/bin/python .venv-oldest/bin/python: VENV = $(@:/bin/python=)
.venv/bin/python .venv-oldest/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "Python 3.10 or newer is needed; name it: make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	  $(PYTHON) -m pip --python $@ install pip; }

$(INSTALLED): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install $(TORCH)
	$(BIN)/python -m pip install $(TORCH) -e '.[demo,dev,docs]'
	@touch $@

$(OLDEST): pyproject.toml | .venv-oldest/bin/python
	.venv-oldest/bin/python -m pip install $(firstword $(VERSIONS))
	.venv-oldest/bin/python -m pip install $(VERSIONS) -e '.[demo,dev]'
	@touch $@
