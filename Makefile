# make reproduce | make test | make lab: each sets up .venv first, if it is not there.
# python3, or the newest other one if that is too old or missing; each is tried, since a name alone
# may be a stub
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  "$$p" -c "import sys; sys.exit(sys.version_info < (3, 11))" 2> /dev/null \
  && { echo "$$p"; exit; }; done; echo python3)
# extra words for the command, e.g. make reproduce ARGS="--data ~/cifar10"
ARGS ?=

ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif

.PHONY: help reproduce test lab clean

help:
	@echo "make reproduce   train the quick runs, run every notebook, write out/index.html"
	@echo "make test        run every test"
	@echo "make lab         open the notebooks in JupyterLab"

reproduce: .venv/ready
	$(BIN)/resnet-lab reproduce $(ARGS)

test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

lab: .venv/ready
	$(BIN)/jupyter lab --notebook-dir=notebooks $(ARGS)

clean:
	rm -rf .venv out build dist

.venv/ready: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv .venv || { \
	  echo "No environment; on Debian or Ubuntu: sudo apt install $(notdir $(PYTHON))-venv"; \
	  exit 2; }
	$(BIN)/python -m pip install --disable-pip-version-check -e ".[test]"
	@touch $@
