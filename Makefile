# The set-up and the checks. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help setup train test fuzz soak lint types licences hashes audit sbom clean

# The first of these that runs and is new enough; `make setup PYTHON=/path/to/python` overrules it.
PYTHON = $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done)
ARGS =
BIN := .venv/bin
STAMP := .venv/.installed
TOOLS := .venv-tools/.installed

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
TOO_OLD = make setup: expected Python 3.11 or newer, \
	$(if $(PYTHON),but $(PYTHON) is older or does not run,but found none): \
	install it, or name one with PYTHON=/path/to/python
NO_VENV = make setup: expected a Python with the modules venv and ensurepip, but $(PYTHON) lacks them: \
	install them (on Debian and Ubuntu: the package python3-venv)
section = printf '\n== %s\n' '$(1)'
fail = { echo '$(1)' >&2; exit 1; }

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv and install the package (a second call installs nothing)

train: setup ## train logistic regression on Telco; add keys with ARGS="optimizer.lr=0.01 seed=1"
	@$(BIN)/python scripts/train.py model=logreg $(ARGS)

test: lint types ## lint, types and tests; options for pytest with ARGS="-k schema"
	@$(call section,tests)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist worksteal $(ARGS)

fuzz: setup ## the random searches among the tests, each time from another seed, ten times as many
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m hypothesis --hypothesis-profile=fuzz -n 2 \
		--dist worksteal $(ARGS)

soak: setup ## a server under mixed load for three minutes: no answer lost or wrong, memory flat
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && for seed in 1 2; do \
		$(BIN)/python scripts/train.py model=logreg report=false seed=$$seed \
			hydra.run.dir=$$folder/$$seed >/dev/null; done && \
		OMP_NUM_THREADS=1 $(BIN)/python benchmarks/soak.py $$folder/1 $$folder/2 $(ARGS)

lint: setup ## ruff on everything: lint and format, nothing is changed
	@$(call section,lint)
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .

types: setup ## mypy (strict) on the package and the scripts
	@$(call section,types)
	@$(BIN)/python -m mypy

licences: setup ## list the licences of what a user installs, and check them against an allow-list
	@$(BIN)/python -m tests.test_licences

hashes: $(TOOLS) ## renew constraints-hashes.txt from constraints.txt and the package index
	@.ci/hashes

audit: $(TOOLS) ## ask the package indexes for known vulnerabilities
	@$(PYTHON) .ci/audit

sbom: setup $(TOOLS) ## write build/sbom.cdx.json, a CycloneDX bill of materials
	@.ci/sbom

clean: ## remove .venv and the caches; outputs/ is kept
	rm -rf .venv .venv-tools build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(TOOLS): .ci/tools.txt
	@$(call section,tools)
	@'$(PYTHON)' -m venv --clear .venv-tools
	@.venv-tools/bin/python -m pip install -qq --disable-pip-version-check -r .ci/tools.txt
	@touch $@

# .installing stays behind when an install is cut short: the next call then starts from an empty .venv.
$(STAMP): pyproject.toml constraints.txt $(BIN)/python
	@$(call section,set-up)
	@'$(PYTHON)' -c '$(NEW_ENOUGH)' 2>/dev/null || $(call fail,$(TOO_OLD))
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || $(call fail,$(NO_VENV))
	@if [ -e .venv/.installing ] || ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "creating .venv with $$('$(PYTHON)' --version)"; '$(PYTHON)' -m venv --clear .venv; fi
	@touch .venv/.installing
	@echo 'installing what constraints.txt pins (a minute or more)'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@mv .venv/.installing $@

# No recipe: should the interpreter be gone (Python was removed), the rule above runs again.
$(BIN)/python: ;
