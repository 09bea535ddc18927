PYTHON ?= python3
PORT ?= 8000
VENV := .venv
DEV := .venv-dev
VLLM := .venv-vllm

.PHONY: demo serve test test-fast test-vllm lint clean

demo: $(VENV)/.ready  ## set up, then compare the sample pair over HTTP
	$(VENV)/bin/idiff demo --port $(PORT)

serve: $(VENV)/.ready  ## set up, then run the service on PORT until interrupted
	exec $(VENV)/bin/idiff serve --port $(PORT)

test: lint  ## set up, then check style and types and run every test that needs no further service
	$(DEV)/bin/pytest

test-fast: lint
	$(DEV)/bin/pytest -m "not slow and not vllm"

test-vllm: $(DEV)/.ready $(VLLM)/.ready  ## the Thinking Model client against a real vLLM server on the CPU
	IDIFF_VLLM_VENV=$(abspath $(VLLM)) $(DEV)/bin/pytest -m vllm

lint: $(DEV)/.ready
	$(DEV)/bin/ruff check
	$(DEV)/bin/ruff format --check
	$(DEV)/bin/mypy

clean:
	rm -rf $(VENV) $(DEV) $(VLLM)

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -e '.[cpu]'
	touch $@

# Its own environment: the tests of idiff_models need torch, which the service must run without.
$(DEV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/pip install --quiet --disable-pip-version-check -e '.[cpu,train,text,dev]'
	touch $@

$(VLLM)/.ready: deploy/vllm/install-cpu.sh
	deploy/vllm/install-cpu.sh $(VLLM)
	touch $@
