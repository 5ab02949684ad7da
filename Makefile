# `make` without a target lists the targets. Python 3.11 or newer (with venv) and make are enough to start.

PYTHON ?= python3
# Empty if PYTHON is only the default.
PYTHON_GIVEN := $(filter-out file,$(origin PYTHON))
export PYTHON PYTHON_GIVEN
# The packages there are not the locked ones.
unexport PYTHONPATH PYTHONHOME

VENV := .venv/bin
LOCK := $(VENV)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make requirements' $(LOCK_OPTIONS)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo airflow airflow-scale report report-test meltano docs test tests check bench scale soak mutants format dist reproducible sbom audit requirements clean

# Without this rule, make reports that the folders of these names are up to date.
.PHONY: dbt dev examples schemas
dbt dev examples schemas:
	@echo "There is no target $@, only a folder of that name; make without a target lists the targets." >&2; exit 2

help: ## list what make can do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

# Signals must reach the program, and a shell does not forward them: hence exec.
demo: ## load an emulated Zuora into PostgreSQL twice, show it, write a report (DATABASE_URL=...: into yours)
	@sh requirements/install.sh report
	@exec $(VENV)/python -m dev.demo

meltano: ## do the same as demo through Meltano, in a temporary project (DATABASE_URL=...: into yours)
	@sh requirements/install.sh meltano
	@exec $(VENV)/python -m dev.demo meltano

airflow: ## load three emulated tenants of different sizes with Airflow, one of them down at first (2 minutes)
	@sh requirements/install.sh airflow
	@exec $(VENV)/python -m dev.demo airflow

airflow-scale: ## measure Airflow with 100, 500 and 2,000 tenants and nothing to load (15 minutes)
	@sh requirements/install.sh airflow
	@exec $(VENV)/python -m dev.benchmarks.airflow_scale

# Only the tap's own tests count towards coverage; measuring it slows tests down, so the others run without.
COUNTED := tests/unit tests/tap tests/status
# Airflow takes over the logging of its whole process.
APART := tests/airflow
# The tests of a file share databases and what dbt built, so one process runs them.
test: check ## run every check and test; every branch of the tap must be covered
	$(VENV)/python -m pytest -n auto $(COUNTED) --cov
	$(VENV)/python -m pytest -n auto $(APART)
	@exec $(VENV)/python -m pytest -n auto --dist loadfile $(COUNTED:%=--ignore=%) $(APART:%=--ignore=%)

tests: test ## the same as make test

check: ## check lint, formatting, types, imports, spelling, English, dependencies, workflows and manifests
	@sh requirements/install.sh dev
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/mypy .
	$(VENV)/lint-imports --no-cache
	$(VENV)/typos
	$(VENV)/python -m dev.english
	$(VENV)/deptry tap_zuora_testenv
	$(VENV)/zizmor --quiet --offline --pedantic --strict-collection .github
	$(VENV)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(VENV)/check-jsonschema --quiet --builtin-schema vendor.compose-spec examples/compose.yaml
	$(VENV)/kubernetes-validate --quiet --strict examples/kubernetes/credentials.yaml examples/kubernetes/state.yaml examples/kubernetes/sync.yaml

# BENCH=--quick takes a minute and writes nothing.
bench: ## compare the speed of the tap with the stock way, bare pools and curl (12 minutes)
	@sh requirements/install.sh bench
	@exec $(VENV)/python -m dev.benchmarks $(BENCH)

scale: ## measure one process with 10, 1,000 and 5,000 listed environments of the emulator (4 minutes)
	@sh requirements/install.sh bench
	@exec $(VENV)/python -m dev.benchmarks.scale

# REPORT: options, such as --output and --now. ZUORA_TESTENV_SCHEMA: the schema of your tables.
report: ## build the models and write build/report.html of an emulated Zuora (DATABASE_URL=...: of your tables)
	@sh requirements/install.sh report
	@exec $(VENV)/python -m dev.demo.models_and_report $(REPORT)

report-test: ## test the report in a real browser (Debian: apt install chromium chromium-driver)
	@sh requirements/install.sh dev
	@test .venv/axe -nt requirements/axe.txt || $(VENV)/pip install --quiet --upgrade --no-deps \
		--require-hashes --only-binary :all: --target .venv/axe --requirement requirements/axe.txt
	@exec $(VENV)/python -m pytest tests/report/report_in_chromium.py

soak: ## 10,000 jobs with 20 % faults in three seeds, 200 signals, 125,000 orders of the threads (11 minutes)
	@sh requirements/install.sh dev
	@exec $(VENV)/python -m dev.soak

mutants: ## change the pure modules in 1,300 ways, and list the changes that no test detects (10 minutes)
	@sh requirements/install.sh mutants
	rm -rf .mutants
	mkdir .mutants
	cp -R tap_zuora_testenv schemas tests pyproject.toml README.md .mutants
	cd .mutants && ../$(VENV)/mutmut run
	@cd .mutants && exec ../$(VENV)/mutmut results

format: ## format the code, and fix what ruff can fix
	@sh requirements/install.sh dev
	$(VENV)/ruff check --fix
	$(VENV)/ruff format

# The parts between [[[cog and [[[end]]] are generated.
GENERATED := README.md meltano.yml docs/hub/tap-zuora-testenv.yml
docs: ## regenerate the tables of README.md, the settings of meltano.yml, docs/hub, and schemas/settings.json
	@sh requirements/install.sh dev
	$(VENV)/python -m dev.generate.editor_schema
	@exec $(VENV)/cog -r -I . $(GENERATED)

dist: ## build the sdist and the wheel into the folder dist
	@sh requirements/install.sh dev
	rm -rf dist
	$(VENV)/python -m build --no-isolation

# The second time from the sdist: in another folder, with another mask, and of files with other times. The time of the
# distributions is the one that hatchling takes by default.
dist reproducible sbom: export SOURCE_DATE_EPOCH = 1580601600
reproducible: dist ## build once more, from the sdist in another folder, and compare every byte
	@again=$$(mktemp -d) && trap 'rm -rf "$$again"' EXIT && tar -xzf dist/*.tar.gz --strip-components 1 -C "$$again" && \
		(cd "$$again" && umask 077 && exec $(CURDIR)/$(VENV)/python -m build --no-isolation) && diff -r dist "$$again/dist"

# The tools have a separate environment, without the tap, so that a workflow installs only what it runs.
build/audit/installed: requirements/audit.txt
	$(PYTHON) -m venv --clear build/audit
	build/audit/bin/python -m pip install --quiet --require-hashes --only-binary :all: --requirement $<
	@touch $@

sbom: build/audit/installed ## list the locked packages of the tap in build/sbom, in the form of CycloneDX
	mkdir -p build/sbom
	build/audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file build/sbom/tap-zuora-testenv.cdx.json requirements/tap.txt

# Each file by itself: they lock some packages in different versions.
audit: build/audit/installed ## ask PyPI which locked packages have known vulnerabilities (AUDIT=...: options of pip-audit)
	@failed=; for file in requirements/*.txt; do echo "$$file"; \
		build/audit/bin/pip-audit --strict --disable-pip --require-hashes --progress-spinner off $(AUDIT) \
			--requirement "$$file" || failed=1; \
	done; test -z "$$failed"

requirements: ## lock the newest compatible packages (LOCK_OPTIONS=...: options of uv pip compile)
	@sh requirements/install.sh dev
	$(LOCK) --upgrade --extra emulator --extra report --group dev pyproject.toml --output-file requirements/dev.txt
	$(LOCK) --upgrade --extra emulator --group demo pyproject.toml --output-file requirements/demo.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --extra emulator --extra report --group demo pyproject.toml --output-file requirements/report.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --extra emulator --group airflow pyproject.toml --output-file requirements/airflow.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --group dbt --output-file requirements/dbt.txt --no-strip-extras --no-annotate
	$(LOCK) --upgrade --group warehouses --output-file requirements/warehouses.txt \
		--constraint requirements/dbt.txt --no-strip-extras --no-annotate
	$(LOCK) --upgrade --extra emulator --group bench pyproject.toml --output-file requirements/bench.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --extra emulator --group mutants pyproject.toml --output-file requirements/mutants.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --group axe --no-deps --output-file requirements/axe.txt
	$(LOCK) --upgrade --group singer-tools --output-file requirements/singer-tools.txt
	$(LOCK) --upgrade --group target-jsonl --output-file requirements/target-jsonl.txt
	$(LOCK) --upgrade --group target-duckdb --output-file requirements/target-duckdb.txt
	$(LOCK) --upgrade --group meltano --output-file requirements/meltano.txt
	$(LOCK) --upgrade pyproject.toml --output-file requirements/tap.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --extra emulator pyproject.toml --output-file requirements/emulator.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --group target-postgres --output-file requirements/target-postgres.txt \
		--constraint requirements/dev.txt --no-annotate
	$(LOCK) --upgrade --group audit --output-file requirements/audit.txt --no-annotate
	$(LOCK) --upgrade --group build --output-file requirements/build.txt \
		--constraint requirements/dev.txt --no-annotate

clean: ## remove everything that make and the tools generated
	rm -rf .venv .coverage .hypothesis .mutants .mypy_cache .pytest_cache .ruff_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
