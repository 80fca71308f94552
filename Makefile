# The interface of this repository, for people and CI alike. `make help` prints it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Installed editable, lowest layer first. This list is the only place that knows it.
PACKAGES := proto sdk agents/local services/kit services/graphql services/hasura services/gateway \
            services/scheduler services/zombie_killer services/lazarus services/standalone
DEV_TOOLS := pytest pytest-asyncio hypothesis ruff mypy import-linter jsonschema psutil types-PyYAML types-croniter types-python-dateutil
PYPROJECTS := $(addsuffix /pyproject.toml,$(PACKAGES))
STAMP := $(VENV)/.installed

$(STAMP): Makefile deploy/constraints.txt $(PYPROJECTS)
	test -x $(PY) || python3 -m venv $(VENV)
	$(PY) -m pip install -q -c deploy/constraints.txt hatchling editables
	$(PY) -m pip install -q -c deploy/constraints.txt --no-build-isolation $(addprefix -e ./,$(PACKAGES)) $(DEV_TOOLS)
	touch $@

help: ## Print this help
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}'

install: $(STAMP) ## Install everything into .venv

constraints: ## Write deploy/constraints.txt from what is installed now (names and versions only)
	$(PY) -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9_.-]+==' | sort -f > deploy/constraints.txt

.PHONY: help install constraints
