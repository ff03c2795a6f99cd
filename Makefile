# Each target makes .venv when there is none and installs what it needs; PYTHON picks the interpreter.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test check slow paddle bench format clean

demo: $(VENV)/.core
	$(BIN)/yuanli compare digits

test: $(VENV)/.test
	$(BIN)/python -m pytest

check: $(VENV)/.check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -m "reference and not slow"
	YUANLI_KERNELS=numpy $(BIN)/python -m pytest -m "not reference and not slow"

slow: $(VENV)/.check
	$(BIN)/python -m pytest -m slow

paddle: $(VENV)/.paddle
	$(BIN)/python -m pytest -m reference tests/interchange/test_paddle.py

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

format: $(VENV)/.check
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# A stamp a set of packages: made again when the versions change, or when the last attempt was cut short.
$(VENV)/.core: EXTRA :=
$(VENV)/.test: EXTRA := [test]
$(VENV)/.check: EXTRA := [check]
$(VENV)/.bench: EXTRA := [bench]
$(VENV)/.paddle: EXTRA := [test,onnx,paddle]

$(VENV)/.core $(VENV)/.test $(VENV)/.check $(VENV)/.bench $(VENV)/.paddle: pyproject.toml constraints.txt
	@test -x $(BIN)/pip || { $(PYTHON) -c "$$OLD" && $(PYTHON) -m venv $(VENV); }
	@echo "installing yuanli$(EXTRA) into $(VENV); the first time this takes a minute or two"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e ".$(EXTRA)" -c constraints.txt
	@touch $@

define OLD
import sys
if sys.version_info < (3, 11):
    sys.exit("yuanli needs Python 3.11 or newer, and $(PYTHON) is %s; `make PYTHON=python3.12` names another"
             % sys.version.split()[0])
endef
export OLD
