# The interface of this repository, for people and CI alike. `make help` prints it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
PY := $(VENV)/bin/python
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Installed editable, lowest layer first. This list is the only place that knows it.
PACKAGES := proto sdk agents/local agents/docker agents/kubernetes agents/ecs services/kit services/graphql services/hasura services/gateway \
            services/scheduler services/zombie_killer services/lazarus services/standalone
DEV_TOOLS := dask distributed dulwich pytest pyte pytest-asyncio pytest-xdist hypothesis opentelemetry-exporter-otlp-proto-http opentelemetry-sdk ruff mypy import-linter jsonschema psutil types-PyYAML types-croniter types-python-dateutil
PYPROJECTS := $(addsuffix /pyproject.toml,$(PACKAGES))
STAMP := $(VENV)/.installed
# An environment of Python's in a folder; one without pip was begun where python3-venv was not installed.
venv = $(1)/bin/python -m pip --version >/dev/null 2>&1 || { deploy/needs.sh python && python3 -m venv $(1); }

$(STAMP): Makefile deploy/constraints.txt $(PYPROJECTS)
	@$(call venv,$(VENV))
	$(PY) -m pip install -q -c deploy/constraints.txt hatchling editables
	$(PY) -m pip install -q -c deploy/constraints.txt --no-build-isolation $(addprefix -e ./,$(PACKAGES)) $(DEV_TOOLS)
	touch $@

constraints: ## Write deploy/constraints.txt from what is installed now (names and versions only)
	$(PY) -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9_.-]+==' | sort -f > deploy/constraints.txt

help: ## Print this help
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}'

# What a tier lacks on this machine is said before anything is installed for it.
need-%:
	@deploy/needs.sh $(subst +, ,$*)

install: $(STAMP) ## Install everything into .venv

# Without Node the backend serves its API, and says at / how to build the pages.
UI := services/gateway/src/towpath_gateway/static/index.html
UI_SOURCES := $(shell find services/ui -path '*/node_modules' -prune -o -path '*/dist' -prune -o -type f -print)
services/ui/node_modules/.package-lock.json: services/ui/package-lock.json
	cd services/ui && npm ci --no-audit --no-fund
$(UI): services/ui/node_modules/.package-lock.json $(UI_SOURCES)
	cd services/ui && npm run build
ui: ## Build the pages into the gateway
	@if deploy/needs.sh node; then $(MAKE) --no-print-directory $(UI); else echo "!! the pages are not built; the API works without them"; fi

demo: install ui ## The main job on this machine: backend, example flows, an agent, the result (ONCE=1: stop after it)
	$(PY) deploy/demo.py $(if $(ONCE),--once)

serve: install ui ## Start the backend and stay until Ctrl-C
	$(VENV)/bin/towpath server start

lint: install ## ruff, import rules, the pages' own checks
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	@if deploy/needs.sh node; then $(MAKE) --no-print-directory services/ui/node_modules/.package-lock.json && cd services/ui && npm run check; else echo "!! the pages are not checked"; fi

MODULES := towpath_proto towpath towpath_agent_local towpath_agent_docker towpath_agent_kubernetes towpath_agent_ecs towpath_service_kit towpath_gateway towpath_graphql towpath_read_engine \
           towpath_scheduler towpath_zombie_killer towpath_lazarus towpath_server
types: install ## mypy --strict over all packages
	$(VENV)/bin/mypy $(addprefix -p ,$(MODULES))

# The slow tiers have targets of their own; `make test` has everything else. Each worker has servers of its own and takes whole files;
# of faults, single tests: each has a backend of its own, and most of its time is waiting.
TEST_WORKERS := 2
test: install ui ## All tests but faults, UI, prefect==1.4.1 and benchmarks, fast ones first (10 minutes at most)
	$(VENV)/bin/pytest -n $(TEST_WORKERS) --dist loadfile tests/architecture tests/unit tests/property tests/conformance tests/integration tests/e2e

faults: install ## Kill, restart and cut off real processes
	$(VENV)/bin/pytest -n $(TEST_WORKERS) tests/faults

# The image of Hasura answers reads unless READS=embedded-reads takes Towpath's own read engine instead; what was said once holds on.
COMPOSE = cd deploy/compose && $$(command -v docker-compose || echo docker compose)
images: ## Build all container images (TAG=latest); needs a Docker engine only
	deploy/docker/build.sh $(or $(TAG),latest)

# Your own key, with which `towpath register` signs: flows of others need theirs (python3 deploy/compose/prepare.py --trust PUBLIC_KEY).
TRUST = $$(command -v towpath >/dev/null && towpath keys show --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["public_key"])')
up: ## Start the compose stack on this machine, with secrets of its own, and say how to come in (READS=embedded-reads: without Hasura)
	python3 deploy/compose/prepare.py $(if $(READS),--reads $(READS)) --trust $(TRUST)
	python3 deploy/compose/check.py
	$(MAKE) --no-print-directory images
	$(COMPOSE) up -d
	@echo "Make a key:  (cd deploy/compose && docker-compose exec graphql towpath-graphql create-key --name me)"
	@echo "Use it:      export TOWPATH_API_URL=http://127.0.0.1:4200 TOWPATH_API_KEY=twk_...; towpath doctor"

down: ## Stop the compose stack and the runs of its agent; its data stay
	docker ps -aq --filter network=towpath_default --filter label=io.towpath.agent | xargs -r docker rm -f >/dev/null
	$(COMPOSE) down

# The first test waits for the images. The warning is docker-py's, when the engine has closed an idle connection.
test-docker: need-containers install ui ## The Docker agent on a real engine (one is started when none answers; needs dockerd and root)
	$(VENV)/bin/pytest tests/docker -o faulthandler_timeout=900 -W "ignore:unclosed:ResourceWarning"

# A control plane of Kubernetes for tests: Go builds it once, at the versions in tests/kubernetes/tools/go.mod.
K8S_TOOLS := $(or $(TOWPATH_K8S_TOOLS),$(CURDIR)/.cache/k8s-tools)
GO := $(if $(wildcard $(K8S_TOOLS)/bin/.built),,need-go)
k8s-tools: $(GO) ## Build etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet and helm for tests, once (needs Go)
	tests/kubernetes/tools/build.sh $(K8S_TOOLS)/bin

# The first test in containers waits for their image. The warning is docker-py's, as above.
test-k8s: $(GO) install ui k8s-tools ## The Kubernetes agent against a real API server, and a real kubelet where root, Docker and containerd can be had
	TOWPATH_K8S_TOOLS=$(K8S_TOOLS) $(VENV)/bin/pytest tests/kubernetes -o faulthandler_timeout=900 -W "ignore:unclosed:ResourceWarning"

helm-check: $(GO) install k8s-tools ## The Helm chart: lint, rendering, refusals, install and upgrade on a real API server
	TOWPATH_K8S_TOOLS=$(K8S_TOOLS) $(VENV)/bin/pytest tests/helm

test-ui: need-node+chromium install ui ## Open the pages in a real Chromium
	$(VENV)/bin/pytest tests/ui

# The client of others in an environment of its own: its requirements are older than ours.
PREFECT1 := .cache/prefect1-venv
$(PREFECT1)/.installed: deploy/constraints-prefect1.txt
	@$(call venv,$(PREFECT1))
	$(PREFECT1)/bin/python -m pip install -q -c deploy/constraints-prefect1.txt 'prefect==1.4.1' 'marshmallow<4' 'pendulum<3'
	touch $@
test-prefect: install $(PREFECT1)/.installed ## Drive a backend with the unmodified prefect==1.4.1
	$(VENV)/bin/pytest tests/prefect1

# moto in an environment of its own: it brings what nothing here needs, and the agent reaches it over HTTP alone.
MOTO := .cache/ecs-venv
$(MOTO)/.installed: deploy/constraints-moto.txt
	@$(call venv,$(MOTO))
	$(MOTO)/bin/python -m pip install -q -c deploy/constraints-moto.txt moto flask flask-cors
	touch $@
test-ecs: install $(MOTO)/.installed ## The ECS agent against moto's server over HTTP
	$(VENV)/bin/pytest tests/ecs

# Packages that make Dask clusters elsewhere, in an environment of their own: they bring much that nothing here needs.
DASK := .cache/dask-venv
$(DASK)/.installed: deploy/constraints-dask.txt proto/pyproject.toml sdk/pyproject.toml
	@$(call venv,$(DASK))
	$(DASK)/bin/python -m pip install -q -c deploy/constraints.txt hatchling editables
	$(DASK)/bin/python -m pip install -q -c deploy/constraints-dask.txt --no-build-isolation -e ./proto -e ./sdk dask distributed dask-kubernetes 'dask-cloudprovider[aws]'
	touch $@
test-dask: $(GO) install ui k8s-tools $(MOTO)/.installed $(DASK)/.installed ## Clusters of dask_kubernetes and dask_cloudprovider: a real API server, moto's server
	TOWPATH_K8S_TOOLS=$(K8S_TOOLS) $(VENV)/bin/pytest tests/dask

test-all: test faults test-ui test-prefect test-docker test-k8s helm-check test-ecs test-dask ## Everything

bench: install ## Print the benchmark table
	$(PY) -m tests.benchmarks

wheels: install ui ## Build all wheels into dist/
	rm -rf dist && for p in $(PACKAGES); do $(PY) -m pip wheel -q --no-deps --no-build-isolation -w dist ./$$p || exit 1; done; ls dist

clean: ## Remove what was built and installed here
	rm -rf $(VENV) dist .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache services/ui/node_modules services/gateway/src/towpath_gateway/static

.PHONY: help install ui images up down test-docker k8s-tools test-k8s helm-check demo serve lint types test faults test-ui test-prefect test-ecs test-dask test-all bench constraints wheels clean
