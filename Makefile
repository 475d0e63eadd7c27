# Two commands matter: `make demo` and `make test`. Each sets up what it needs; a machine with Python 3.11 to 3.13, make and a package index is enough.
PYTHON ?= python3
VENV := .venv
UV_VERSION := 0.13.9
UV := build/uv/bin/uv
BIN := $(VENV)/bin
export CALLVEIL_KEYRING ?= $(CURDIR)/build/keyring.json

.PHONY: help demo test check coverage integration soak bench clean lock
help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

build/uv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo 'callveil needs Python 3.11 to 3.13; name one: make PYTHON=python3.12 ...'; exit 1; }
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(VENV)/.ready: pyproject.toml uv.lock | build/uv/bin/uv
	$(UV) sync --quiet --frozen --no-python-downloads --python $(PYTHON) --compile-bytecode
	@touch $@

demo: $(VENV)/.ready ## run the main job on included, generated data, and show what it did
	@rm -rf build/demo
	$(BIN)/callveil demo --output build/demo

# Hundreds of tests start processes; none of them should compile what it imports.
test: check ## lint, types, and the test suite (under 15 minutes on two cores)
	$(BIN)/python -m compileall -q pipelines transforms schemas
	$(BIN)/pytest -m 'not soak and not integration' -n 2 --dist loadfile

check: $(VENV)/.ready ## lint, rooms and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/python .ci/rooms.py
	$(BIN)/python .ci/typecheck.py

coverage: $(VENV)/.ready ## the test suite with lines and branches counted; fails under the floor in pyproject.toml
	rm -rf build/coverage && mkdir -p build/coverage
	$(BIN)/coverage run -m pytest -m 'not soak and not integration' -n 2 --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

integration: $(VENV)/.ready ## tests against an S3-compatible server, on Prism and on a Flink cluster (see deploy/), and of the wheel
	if command -v go >/dev/null; then deploy/prism.sh; fi
	if command -v java >/dev/null && command -v mvn >/dev/null; then deploy/flink.sh install; fi
	deploy/s3.sh deploy/kms.sh deploy/browser.sh $(BIN)/pytest -m integration

soak: $(VENV)/.ready ## the long runs: 100,000 interactions, memory, 20 kills, faults of network and disk (two hours or more)
	$(BIN)/pytest -m soak tests/detect
	$(BIN)/python tests/soak/run_bars.py
	$(BIN)/python tests/soak/run_faults.py

bench: $(VENV)/.ready ## detection beside stock Presidio and the bare language model, in one run
	$(BIN)/python tests/bench/bench_detect.py

lock: | build/uv/bin/uv ## renew uv.lock
	$(UV) lock

clean: ## remove what was built
	rm -rf build .venv .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
