# One command for each thing, from a bare clone: the environment is made when it is missing and kept
# until something that it is made of changes. Needs Python 3.11 or later, gcc and GNU make.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out
PIP := $(BIN)/python -m pip --disable-pip-version-check

NATIVE := setup.py pyproject.toml riskcore/layout.py riskcore/codes.py \
	$(shell find riskcore/kernels bindings -name '*.py' -o -name '*.pyx')

.PHONY: demo test test-long bench lint header build clean help

help:  ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

demo: $(VENV)/installed  ## replay embedded market data through the gate
	$(BIN)/riskcore replay --data btc-1h --out $(OUT)/btc-1h
	$(BIN)/riskcore replay --data majors-30m --out $(OUT)/majors-30m

test: $(VENV)/editable  ## every test that runs in minutes
	$(BIN)/python -m pytest

test-long: $(VENV)/references  ## every test, the long ones and those beside reference libraries too
	$(BIN)/python -m pytest --slow

bench: $(VENV)/editable  ## time budgets, and the table of figures
	$(BIN)/python -m pytest bench --override-ini testpaths=bench
	$(BIN)/python -m bench

lint: $(VENV)/editable  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

header: $(VENV)/editable  ## riskcore.h and riskcore.pxd again, after a change of the layout
	$(BIN)/python -m riskcore.bindings.header

build: $(VENV)/editable  ## sdist and wheel in dist/
	$(PIP) install --quiet build
	$(BIN)/python -m build --outdir dist

clean:  ## forget everything that was built
	rm -rf $(VENV) build dist riskcore.egg-info riskcore/*.so riskcore/lib

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "riskcore needs Python 3.11 or later: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# Both build the extension in the tree, so that Python started here finds it.
$(VENV)/installed: $(BIN)/python $(NATIVE)
	@echo "installing riskcore (a minute or two)"
	@$(PIP) install --quiet --editable .
	@touch $@

$(VENV)/editable: $(VENV)/installed
	@echo "installing what the tests use"
	@$(PIP) install --quiet --editable '.[test]'
	@touch $@

$(VENV)/references: $(VENV)/editable
	@echo "installing the reference libraries"
	@$(PIP) install --quiet --editable '.[references]'
	@touch $@
