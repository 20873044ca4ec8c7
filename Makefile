# `make live`, `make demo` and `make test` need only Python 3.11 or newer; each sets .venv up by itself. Without a
# python3.11, name another: make PYTHON=python3.12

PYTHON ?= python3.11
SHELL := /bin/bash
BIN := .venv/bin
READY := .venv/ready
TESTED := .venv/tested

.PHONY: live demo test test-fast test-gpu lint docs clean reality rendered-test

live: $(READY)
	$(BIN)/python run_live.py --camera 0

demo: $(READY)
	$(BIN)/python run_live.py --demo

test: $(TESTED) lint
	scripts/test

# For daily work: the laws (a step equals the batch, causality, contracts, metrics) and all else that is quick.
test-fast: $(TESTED)
	scripts/test -q -m "not slow and not gpu"

# What needs a CUDA GPU, and a torch build with CUDA; without one each is skipped with its reason.
test-gpu: $(TESTED)
	scripts/test -m gpu

# The detector on people, cameras and sensors that it was not trained on, as far as the data folder has them: a table, a
# JSON file, and with matplotlib a plot. The first run of a model encodes for about 20 minutes; a further one is quick.
reality: $(READY)
	$(BIN)/hitrs-live evaluate reality --json runs/reality.json --plot runs/reality_det.png

# Held-out people of the shipping sets, rendered and seen by the pose stage: two views each, in runs/rendered_test/arrays.
# It goes on where it was interrupted.
SHIP := $(or $(HITRS_DATA),../shared/data)/ship
rendered-test: $(READY)
	$(BIN)/hitrs-live render --data $(foreach set,precog16 ui_prmd_kinect cmu_bvh_01_14 cmu_mocap6,$(SHIP)/$(set).npz) \
	  --split test --sequences 30 --views 2 --seed 7 --out runs/rendered_test

lint: $(TESTED)
	scripts/check

# The documents as a site in build/docs: a warning, or a link that leads nowhere, is an error.
docs: $(TESTED)
	$(BIN)/python docs/generate.py --check
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d build/doctrees docs build/docs

# Made again only when what is installed changes: repeated runs take no time.
$(READY): pyproject.toml
	command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) found; name another, 3.11 or newer: make PYTHON=python3"; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[export]'
	$(BIN)/hitrs-live models --fetch
	touch $@

$(TESTED): $(READY)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf .venv build *.egg-info
