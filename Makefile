# make study   train a classifier on real text and test whether its attention explains it
# make test    run every test
# make lint    ruff and mypy
# make docs    the site, in site/; a broken link or a missing docstring fails
# make bench   how many times faster than the plain way, on this machine
# The first of these makes .venv and installs the project; later ones find it ready.
PYTHON ?= python3
VENV := .venv
READY := $(VENV)/ready

.PHONY: study test lint docs bench

study: $(READY)
	$(VENV)/bin/attn-interp study

test: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 2 --dist worksteal

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(VENV)/docs-ready  # not --quiet: it hides the warnings that --strict counts
	NO_MKDOCS_2_WARNING=1 OMP_NUM_THREADS=1 $(VENV)/bin/python -m mkdocs build --strict

bench: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/python tests/benchmarks/bench_all.py
	OMP_NUM_THREADS=1 $(VENV)/bin/python tests/benchmarks/bench_deep.py

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

$(VENV)/docs-ready: $(READY)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable ".[docs]"
	touch $@
