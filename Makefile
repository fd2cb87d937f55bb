# Everything here needs Python 3.11, 3.12 or 3.13 and make, and nothing else:
#   make run [ARGS="--no-demo --port-base 9000"]     PYTHON=… chooses another Python; it gets a .venv of its own.

.DEFAULT_GOAL := help
SHELL := /bin/sh
# The first Python that runs (a pyenv shim may exist and not run), is new enough, and can make environments.
CANDIDATES := python3.13 python3.12 python3.11 python3
IS_USABLE = import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

ifeq ($(origin PYTHON),command line)
VENV ?= .venv-$(notdir $(PYTHON))
CANDIDATES := $(PYTHON)
else
VENV ?= .venv
endif
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input
export PYTHONPATH := $(CURDIR)$(if $(PYTHONPATH),:$(PYTHONPATH))

.PHONY: help run venv dev-venv test lint check-deploy format bench chaos fuzz lock clean system-packages

help:
	@echo "make run     start everything here, with a sample conversation (ARGS=\"--help\" for options)"
	@echo "make test    the test suite (ARGS=\"tests/unit -k name\")"
	@echo "make lint    ruff, mypy, import contracts, guards         make format  ruff's fixes"
	@echo "make check-deploy   validates Dockerfile, compose, Helm chart, alerts, systemd units; needs no engine"
	@echo "make bench   how fast it is        make chaos   500 mails under SIGKILL     make fuzz   the parser, 10 min"
	@echo "make venv    only the environment  make lock    resolve the locked requirements anew"
	@echo "make clean   remove the environments, caches, and .postroom with all its mail"

run: venv
	@exec $(BIN)/python -m workers.cli dev --demo $(ARGS)

# $(call environment,LOCK): makes or completes $(VENV) from LOCK, unless it was made from that very text.
define environment
@set -e; \
if cmp -s $(1) $(VENV)/made-from-$(1); then exit 0; fi; \
if ! $(BIN)/python -c '$(IS_USABLE)' 2>/dev/null; then \
	python=; \
	for candidate in $(CANDIDATES); do \
		if "$$candidate" -c '$(IS_USABLE)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "postroom needs Python 3.11, 3.12 or 3.13 with its venv module (Debian: apt install python3-venv);" \
			"none of these is one: $(CANDIDATES)" >&2; \
		exit 1; \
	fi; \
	echo "making $(VENV) with $$python"; \
	"$$python" -m venv --clear $(VENV); \
fi; \
echo "installing the libraries of $(1) (a minute or two the first time)"; \
$(PIP) install --require-hashes -r $(1); \
cp $(1) $(VENV)/made-from-$(1)
endef

venv:
	$(call environment,requirements.lock)

# A superset of the other lock, with the same versions: both may share one environment.
dev-venv: venv
	$(call environment,requirements-dev.lock)

system-packages:
	@.ci/system-packages tests

# As many processes as processors, each with a Postgres and a Temporal server of its own.
test: dev-venv system-packages
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(or $(ARGS),tests)

lint: dev-venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/guards.py

# In an environment of its own: what validates a deployment has no place beside postroom.
.venv-deploy/made-from: deploy/requirements-check.lock
	@rm -rf .venv-deploy && python3 -m venv .venv-deploy
	@.venv-deploy/bin/python -m pip -qq --disable-pip-version-check install --no-deps --require-hashes -r $<
	@touch $@

check-deploy: .venv-deploy/made-from
	@.ci/system-packages deploy
	@deploy/check $(CURDIR)/.venv-deploy/bin/python

format: dev-venv
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: dev-venv
	@$(BIN)/python -m bench $(ARGS)

chaos: dev-venv
	@$(BIN)/python -m tests.chaos $(ARGS)

# Atheris is wanted here alone, so no lock has it.
fuzz: dev-venv
	@$(BIN)/python -c 'import atheris' 2>/dev/null || $(PIP) install atheris==3.0.0
	@$(BIN)/python -m tests.fuzz.fuzz_parse $(or $(ARGS),-max_total_time=600)

UV ?= uv
COMPILE = $(UV) pip compile --quiet pyproject.toml --universal --python-version 3.11 --extra dev-servers \
	--generate-hashes --no-header --no-annotate --no-emit-index-url
lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv (pip install uv), or UV=/path/to/uv" >&2; exit 1; }
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --group test --group lint --constraint requirements.lock --output-file requirements-dev.lock
	$(UV) pip compile --quiet deploy/requirements-check.in --universal --python-version 3.11 --no-deps --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --output-file deploy/requirements-check.lock

clean:
	rm -rf .venv .venv-* .postroom .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
