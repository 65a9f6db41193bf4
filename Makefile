# Everything runs in .venv, which the first target makes; only python3 (3.11+) and make are needed.
#   make demo                a complete search on the mnist5k digits
#   make test                the tests that need neither minutes nor a GPU
#   make test-slow           the others: marked slow, or gpu (skipped without CUDA)
#   make lint                ruff, mypy, import-linter, and what tools/check_house.py says of the rooms
#   make clean               removes caches and build output; keeps .venv and runs/
#   make test PYTHON=python3.12   makes .venv with another interpreter
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

.PHONY: help demo test test-slow lint clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

demo: $(READY)
	$(BIN)/aebnas search search_spaces/mnist5k.yaml --name demo-$$(date +%Y%m%d-%H%M%S)

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile

test-slow: $(READY)
	$(BIN)/python -m pytest -m "slow or gpu"

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/check_house.py

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find aebnas tests -name __pycache__ -type d -prune -exec rm -rf {} +

# constraints.txt picks the tested versions.  An environment without a working pip is made anew.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "AEBNAS needs Python 3.11 or newer, but '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo missing)."; \
	  echo "Name another one: make PYTHON=python3.11"; exit 1; } >&2
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing AEBNAS and its dependencies into $(VENV); this takes a minute or two."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
