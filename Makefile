PYTHON ?= python3
PORT ?= 8000
JOBS ?= 2
VENV := .venv
BULK := .venv-bulk
DEV := .venv-dev
CHROMIUM := $(shell command -v chromium || echo /usr/bin/chromium)
IQA := .venv-iqa
LOAD := .venv-load
VLLM := .venv-vllm
TUNE := .venv-tune
GPU := .venv-gpu
PROMETHEUS := .prometheus
# Files in parallel, and in each process one thread: more would fight for the same cores.
PYTEST := OMP_NUM_THREADS=1 $(DEV)/bin/pytest -n $(JOBS) --dist loadfile

# What an image installs; pins that are there stay, unless UPGRADE=--upgrade.
LOCK := $(DEV)/bin/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-header $(UPGRADE) pyproject.toml

.PHONY: demo serve iqa loadtest test test-bulk test-fast test-full test-fuzz test-iqa test-monitoring test-vllm test-tune lint clean
.PHONY: screenshots test-browser gpu-acceptance image-test lint-deploy lint-image lint-kubernetes requirements test-acceptance test-kubernetes

demo: $(VENV)/.ready  ## set up, then compare the sample pair over HTTP
	$(VENV)/bin/idiff demo --port $(PORT)

serve: $(VENV)/.ready  ## set up, then run the service on PORT until interrupted
	exec $(VENV)/bin/idiff serve --port $(PORT)

iqa: $(IQA)/.ready  ## set up, then run the IQA service on port 8002; IDIFF_IQA_WEIGHTS has the metrics' weights
	exec $(IQA)/bin/python -m idiff_iqa

loadtest: $(LOAD)/.ready  ## the smoke profile, two minutes; the others: loadtest/run.py --help
	$(LOAD)/bin/python loadtest/run.py smoke

test: lint  ## set up, then check style and types and run every test that needs no further service
	$(PYTEST)

test-fast: lint
	$(PYTEST) -m "not slow and not apart"

test-bulk: $(DEV)/.ready $(BULK)/.ready  ## idiff bulk on a Ray cluster of two nodes, and with an object store
	IDIFF_BULK_VENV=$(abspath $(BULK)) $(DEV)/bin/pytest -m bulk

test-full: $(DEV)/.ready  ## what takes minutes of a core each: full-size exports, the release on masked views
	$(PYTEST) --dist load -m full

test-fuzz: $(DEV)/.ready  ## a thousand broken uploads, and schemathesis on the OpenAPI document
	$(PYTEST) -m fuzz

test-browser: $(DEV)/.ready $(CHROMIUM)  ## the page in Debian's Chromium
	$(DEV)/bin/pytest -m browser tests/browser

screenshots: $(DEV)/.ready $(CHROMIUM)  ## README's pictures of the page, docs/images
	PYTHONPATH=tests $(DEV)/bin/python tests/browser/screenshots.py

test-iqa: $(DEV)/.ready $(IQA)/.ready  ## the IQA service with pyiqa's metrics that need no weights, and the gateway that asks it
	IDIFF_IQA_VENV=$(abspath $(IQA)) $(DEV)/bin/pytest -m iqa

test-monitoring: $(DEV)/.ready $(PROMETHEUS)/.ready  ## alert rules by promtool, and the dashboard on a real Prometheus
	$(PROMETHEUS)/bin/promtool check config deploy/monitoring/prometheus.yaml
	$(PROMETHEUS)/bin/promtool test rules deploy/monitoring/rules_test.yaml
	IDIFF_PROMETHEUS=$(abspath $(PROMETHEUS)) $(DEV)/bin/pytest -m monitoring tests/monitoring

test-vllm: $(DEV)/.ready $(VLLM)/.ready  ## the Thinking Model client against a real vLLM server on the CPU
	IDIFF_VLLM_VENV=$(abspath $(VLLM)) $(DEV)/bin/pytest -m "vllm and not full"

test-tune: $(DEV)/.ready $(VLLM)/.ready $(TUNE)/.ready  ## a few steps of fine-tuning by ms-swift, then its adapter in vLLM
	IDIFF_VLLM_VENV=$(abspath $(VLLM)) IDIFF_TUNE_VENV=$(abspath $(TUNE)) $(DEV)/bin/pytest -m tune

image-test: $(DEV)/.ready  ## build and run the CPU image; BASE, BUILD_FLAGS, ENGINE and ALL=1: deploy/README.md
	$(DEV)/bin/pytest -m image

lint-deploy: lint-image lint-kubernetes  ## what is deployed: seconds

lint-image: $(DEV)/.ready
	$(DEV)/bin/hadolint Dockerfile

requirements: $(DEV)/.ready  ## deploy/requirements, for what pyproject.toml asks for
	$(LOCK) --extra cpu --extra otel --output-file deploy/requirements/gateway-cpu.txt
	$(LOCK) --extra gpu --extra otel --output-file deploy/requirements/gateway-gpu.txt
	$(LOCK) --extra iqa --no-emit-package opencv-python --output-file deploy/requirements/iqa.txt

gpu-acceptance: $(GPU)/.ready  ## on a machine with a card: deploy/h20.md
	IDIFF_PROVIDER=$${IDIFF_PROVIDER:-cuda} $(GPU)/bin/python loadtest/acceptance.py

test-acceptance: $(DEV)/.ready $(VLLM)/.ready $(LOAD)/.ready  ## the same at small size, on the CPU
	IDIFF_VLLM_VENV=$(abspath $(VLLM)) IDIFF_LOAD_VENV=$(abspath $(LOAD)) $(DEV)/bin/pytest -m acceptance

test-kubernetes: $(DEV)/.ready  ## deploy/kubernetes rendered and held to schemas and settings; with podman, its gateway run
	$(DEV)/bin/pytest -m kubernetes

lint-kubernetes: $(DEV)/.ready
	$(DEV)/bin/pytest -m "kubernetes and not slow"

lint: $(DEV)/.ready
	$(DEV)/bin/ruff check
	$(DEV)/bin/ruff format --check
	$(DEV)/bin/mypy

clean:
	rm -rf $(VENV) $(BULK) $(DEV) $(IQA) $(LOAD) $(VLLM) $(TUNE) $(GPU) $(PROMETHEUS)

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -e '.[cpu]'
	touch $@

$(BULK)/.ready: pyproject.toml
	$(PYTHON) -m venv $(BULK)
	$(BULK)/bin/pip install --quiet --disable-pip-version-check -e '.[cpu,ray]' 'moto[server]==5.2.5'
	touch $@

# Its own environment: the tests of idiff_models need torch, which the service must run without.
$(DEV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/pip install --quiet --disable-pip-version-check -e '.[cpu,train,text,dev]'
	touch $@

$(CHROMIUM):  # as root, on Debian; who has it already needs neither
	apt-get -qq update
	apt-get -qq install --no-install-recommends -y chromium

$(IQA)/.ready: pyproject.toml
	$(PYTHON) -m venv $(IQA)
	$(IQA)/bin/pip install --quiet --disable-pip-version-check -e '.[iqa]'
	touch $@

$(LOAD)/.ready: pyproject.toml
	$(PYTHON) -m venv $(LOAD)
	$(LOAD)/bin/pip install --quiet --disable-pip-version-check -e '.[cpu,load]'
	touch $@

$(GPU)/.ready: pyproject.toml
	$(PYTHON) -m venv $(GPU)
	$(GPU)/bin/pip install --quiet --disable-pip-version-check -e '.[gpu,load]'
	touch $@

$(VLLM)/.ready: deploy/vllm/install-cpu.sh
	deploy/vllm/install-cpu.sh $(VLLM)
	touch $@

$(PROMETHEUS)/.ready: deploy/monitoring/install-prometheus.sh
	deploy/monitoring/install-prometheus.sh $(PROMETHEUS)
	touch $@

$(TUNE)/.ready: models/idiff_models/thinking/requirements-tune.txt
	$(PYTHON) -m venv $(TUNE)
	$(TUNE)/bin/pip install --quiet --disable-pip-version-check -r $< -e '.[cpu,evaluate,text]'
	touch $@
