# `make live`, `make demo` and `make test` need only Python 3.11 or newer; each sets .venv up by itself.

PYTHON ?= python3.11
SHELL := /bin/bash
BIN := .venv/bin
READY := .venv/ready

.PHONY: live demo test lint clean

live: $(READY)
	$(BIN)/python run_live.py --camera 0

demo: $(READY)
	$(BIN)/python run_live.py --demo

test: $(READY) lint
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Set anew only when what is installed changes: repeated runs take no time.
$(READY): pyproject.toml
	command -v $(PYTHON) >/dev/null || { echo "wanted $(PYTHON); name another with: make PYTHON=python3"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	$(BIN)/hitrs-live models --fetch
	touch $@

clean:
	rm -rf .venv build *.egg-info
