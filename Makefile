# Everything a person needs: `make` alone lists it. Python 3.11 or newer (with venv) and make are enough to begin.

PYTHON ?= python3
# Named on purpose, or only the default?
PYTHON_GIVEN := $(filter-out file,$(origin PYTHON))
export PYTHON PYTHON_GIVEN
# What lies there is not what is locked.
unexport PYTHONPATH PYTHONHOME

VENV := .venv/bin
LOCK := $(VENV)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make requirements' $(LOCK_OPTIONS)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check bench format requirements clean

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

# Signals must reach what runs, and a shell does not hand them on: hence exec.
demo: ## load an emulated Zuora into PostgreSQL twice and show it (DATABASE_URL=...: into yours)
	@sh requirements/install.sh demo
	@exec $(VENV)/python -m demo

test: check ## run every check and test
	@exec $(VENV)/python -m pytest -n auto

check: ## lint, formatting and types
	@sh requirements/install.sh dev
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy .

# BENCH=--quick: a minute, and nothing is written.
bench: ## measure the tap beside the stock way, a bare pool and curl (10 minutes)
	@sh requirements/install.sh bench
	@exec $(VENV)/python -m benchmarks $(BENCH)

format: ## format the code and mend what ruff can mend
	@sh requirements/install.sh dev
	$(VENV)/ruff check --fix
	$(VENV)/ruff format

requirements: ## lock the newest packages that fit (LOCK_OPTIONS=...: options of uv pip compile)
	@sh requirements/install.sh dev
	$(LOCK) --upgrade --extra emulator --group dev pyproject.toml --output-file requirements/dev.txt
	$(LOCK) --upgrade --extra emulator --group demo pyproject.toml --output-file requirements/demo.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --extra emulator --group bench pyproject.toml --output-file requirements/bench.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --group singer-tools --output-file requirements/singer-tools.txt

clean: ## throw away what make and the tools left here
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
