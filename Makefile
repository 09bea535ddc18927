PYTHON ?= python3
PORT ?= 8000
JOBS ?= 2
VENV := .venv
DEV := .venv-dev
IQA := .venv-iqa
VLLM := .venv-vllm
TUNE := .venv-tune
# Files in parallel, and in each process one thread: more would fight for the same cores.
PYTEST := OMP_NUM_THREADS=1 $(DEV)/bin/pytest -n $(JOBS) --dist loadfile

.PHONY: demo serve iqa test test-fast test-iqa test-vllm test-tune lint clean

demo: $(VENV)/.ready  ## set up, then compare the sample pair over HTTP
	$(VENV)/bin/idiff demo --port $(PORT)

serve: $(VENV)/.ready  ## set up, then run the service on PORT until interrupted
	exec $(VENV)/bin/idiff serve --port $(PORT)

iqa: $(IQA)/.ready  ## set up, then run the IQA service on port 8002; IDIFF_IQA_WEIGHTS has the metrics' weights
	exec $(IQA)/bin/python -m idiff_iqa

test: lint  ## set up, then check style and types and run every test that needs no further service
	$(PYTEST)

test-fast: lint
	$(PYTEST) -m "not slow and not iqa and not vllm and not tune"

test-iqa: $(DEV)/.ready $(IQA)/.ready  ## the IQA service with pyiqa's metrics that need no weights, and the gateway that asks it
	IDIFF_IQA_VENV=$(abspath $(IQA)) $(DEV)/bin/pytest -m iqa

test-vllm: $(DEV)/.ready $(VLLM)/.ready  ## the Thinking Model client against a real vLLM server on the CPU
	IDIFF_VLLM_VENV=$(abspath $(VLLM)) $(DEV)/bin/pytest -m vllm

test-tune: $(DEV)/.ready $(VLLM)/.ready $(TUNE)/.ready  ## a few steps of fine-tuning by ms-swift, then its adapter in vLLM
	IDIFF_VLLM_VENV=$(abspath $(VLLM)) IDIFF_TUNE_VENV=$(abspath $(TUNE)) $(DEV)/bin/pytest -m tune

lint: $(DEV)/.ready
	$(DEV)/bin/ruff check
	$(DEV)/bin/ruff format --check
	$(DEV)/bin/mypy

clean:
	rm -rf $(VENV) $(DEV) $(IQA) $(VLLM) $(TUNE)

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -e '.[cpu]'
	touch $@

# Its own environment: the tests of idiff_models need torch, which the service must run without.
$(DEV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/pip install --quiet --disable-pip-version-check -e '.[cpu,train,text,dev]'
	touch $@

$(IQA)/.ready: pyproject.toml
	$(PYTHON) -m venv $(IQA)
	$(IQA)/bin/pip install --quiet --disable-pip-version-check -e '.[iqa]'
	touch $@

$(VLLM)/.ready: deploy/vllm/install-cpu.sh
	deploy/vllm/install-cpu.sh $(VLLM)
	touch $@

$(TUNE)/.ready: models/idiff_models/thinking/requirements-tune.txt
	$(PYTHON) -m venv $(TUNE)
	$(TUNE)/bin/pip install --quiet --disable-pip-version-check -r $< -e '.[cpu,evaluate,text]'
	touch $@
