# wattprint. `make build` and `make test` set up all they need; see README.md.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
RUN := $(VENV)/bin/python
# Installs the packages that pyproject.toml names, in the versions of constraints.txt; $(1) is an extra. The project itself
# is not installed: its commands run from this folder.
define install
$(RUN) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
  print(*p["dependencies"], *p["optional-dependencies"]["$(1)"], sep="\n")' | \
  PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(RUN) -m pip install --quiet --requirement /dev/stdin
endef

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help build test quick bench prove fuzz coverage lint format pio pictures scale teacher system clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(VENV)/.test system  ## set up, then simulate, train, compile, flash the virtual board and prove it: build/report.html
	@$(MAKE) --no-print-directory network
	@$(RUN) -m codegen build

test: $(VENV)/.test system lint scale  ## set up, then every test this machine can run
	@$(MAKE) --no-print-directory network
	@$(RUN) -m pytest -n 2 --dist loadgroup

quick: $(VENV)/.test lint  ## the fast rings only, in at most three minutes
	@$(RUN) -m pytest -n 2 --dist loadgroup -m "not slow and not qemu and not recordings and not firmware and not prove and not browser and not broker"

bench: $(VENV)/.test system rivals  ## the project's figures side by side: build/bench.json (a group: make bench-forest)
	@$(RUN) tools/bench.py

bench-forest: rivals

bench-scale: scale system  ## many charges under a memory limit: make bench-scale ARGS="--charges 100000"
	@$(RUN) -m tools.scale_bench $(ARGS)

bench-score: $(VENV)/.test  ## quality beside baselines and bounds, ten minutes: make bench-score ARGS=--quick
	@PYTHONPATH=tools:. $(RUN) -m score_bench $(ARGS)

bench-ev: $(VENV)/.test  ## a household's cars: which, how long, beside baselines, five minutes: make bench-ev ARGS=--quick
	@$(RUN) -m tools.ev_bench $(ARGS)

bench-ev-proof: $(VENV)/.test system  ## a charge point's board answers 204 charges as the reference does, here and on RV32IMC
	@$(RUN) -m tools.ev_proof $(ARGS)

bench-%: $(VENV)/.test system
	@$(RUN) tools/bench.py $*

prove: $(VENV)/.test system  ## Frama-C over the board's loop: no input makes it do what C leaves undefined (docs/proof.md)
	@$(RUN) tools/prove.py $(ARGS)

fuzz: $(VENV)/.test system  ## libFuzzer with sanitizers over the line parser, the loop and a meter's driver: make fuzz ARGS="--bytes 100000000"
	@$(RUN) tools/fuzz.py $(ARGS)

coverage: $(VENV)/.test system  ## how much of the core its C tests execute
	@$(RUN) tools/core_coverage.py $(ARGS)

lint: $(VENV)/.test
	@$(RUN) -m ruff check --quiet && $(RUN) -m ruff format --check --quiet && $(RUN) -m mypy --no-error-summary

format: $(VENV)/.test  ## put the sources into shape
	@$(RUN) -m ruff check --fix --quiet; $(RUN) -m ruff format --quiet

pio: $(VENV)/.test  ## PlatformIO with this project's set-up: make pio ARGS="run -e native"
	@$(RUN) tools/pio.py $(ARGS)

pictures: $(VENV)/.test system  ## the README's pictures, from real runs: docs/pictures
	@$(RUN) -m tools.pictures

clean:  ## remove all that was built, but not .venv
	rm -rf build .pio

system:
	@tools/system_packages.sh

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit("wattprint needs Python 3.11 or later; name one with: make PYTHON=...") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "no virtual environment: on Debian, apt-get install python3-venv" >&2; exit 6; }

$(VENV)/.test: pyproject.toml constraints.txt | $(RUN)
	@echo "installing the pinned packages into $(VENV)" >&2
	@$(call install,test) || { echo "pip could not install the packages of constraints.txt: is a package index reachable?" >&2; exit 6; }
	@touch $@

# Dask, for clusters. One machine does not need it: where it cannot be installed, its ring is skipped.
scale: $(VENV)/.test  ## set up Dask, to work out features and train on many processes or machines
	@[ $(VENV)/.scale -nt constraints.txt ] || { echo "installing Dask into $(VENV)" >&2; \
	  { $(call install,scale) && touch $(VENV)/.scale; } || \
	  echo "Dask could not be installed: --engine dask will not be available" >&2; }

# PyTorch and DeepSpeed, for a teacher; in an environment of their own, some GB where PyTorch comes with CUDA (a CPU build:
# PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu). DeepSpeed's operators are not compiled: torch's are used.
TEACH := $(VENV)/teacher/bin/python
TEACHER := build/teacher
teacher: $(VENV)/.test $(VENV)/teacher/.done  ## train a DeepSpeed teacher on a simulated fleet, and forests with and without it
	@[ -e $(TEACHER)/fleet ] || $(RUN) -m train simulate $(TEACHER)/fleet --units 12 --charges 4
	@$(RUN) -m train features $(TEACHER)/fleet $(TEACHER)/rows
	@$(RUN) -m train teacher --rows $(TEACHER)/rows --out $(TEACHER)/model $(ARGS)

$(VENV)/teacher/.done: train/teacher/constraints.txt pyproject.toml | $(RUN)
	@echo "installing PyTorch and DeepSpeed into $(VENV)/teacher" >&2
	@$(RUN) -m venv $(VENV)/teacher
	@PIP_CONSTRAINT=train/teacher/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(TEACH) -m pip install --quiet setuptools wheel \
	  $$($(RUN) -c 'import tomllib; print(*(p for p in tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["teacher"] if p != "deepspeed"))')
	@DS_BUILD_OPS=0 PIP_CONSTRAINT=train/teacher/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
	  $(TEACH) -m pip install --quiet --no-build-isolation deepspeed
	@touch $@

# TensorFlow, for networks. The forest way does not need it: a machine without a wheel for it goes on.
.PHONY: network
network: $(VENV)/.test
	@[ $(VENV)/.network -nt constraints.txt ] || { echo "installing TensorFlow into $(VENV)" >&2; \
	  { $(call install,network) && touch $(VENV)/.network; } || \
	  echo "TensorFlow could not be installed: networks will not be available; forests do not need it" >&2; }

# Other generators of C, for `make bench` to stand beside ours; in an environment of their own, so that nothing they bring
# is seen by the project. Where they cannot be installed, the tables say so.
.PHONY: rivals
rivals: $(VENV)/.test
	@[ $(VENV)/rivals/.done -nt constraints.txt ] || { echo "installing other generators into $(VENV)/rivals" >&2; \
	  { $(RUN) -m venv $(VENV)/rivals && \
	    $(RUN) -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"], sep="\n")' | \
	    PIP_CONSTRAINT=constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 $(VENV)/rivals/bin/python -m pip install --quiet --requirement /dev/stdin \
	    && touch $(VENV)/rivals/.done; } || echo "they could not be installed: rows of the table will say so" >&2; }
