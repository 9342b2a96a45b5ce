# Everything a fresh machine needs: Python 3.11 or newer, git and make. `make test` installs the rest itself.
PYTHON ?= $(shell command -v python3.13 || command -v python3.12 || command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
REPORTS := .cache/reports

.PHONY: test check wheel clean

$(VENV)/.stamp-test: pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --editable '.[test,dev]'
	touch $@

check: $(VENV)/.stamp-test ## format, lint, import contracts, types
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

test: $(VENV)/.stamp-test ## every test, with the real servers
	mkdir -p $(REPORTS)
	$(PY) -m pytest -q -n 2 --junitxml=$(REPORTS)/tests.xml

wheel: $(VENV)/.stamp-test ## build, install into a clean environment, smoke-test
	rm -rf dist .cache/wheel
	$(PY) -m build --quiet --outdir dist .
	$(PYTHON) -m venv .cache/wheel
	.cache/wheel/bin/python -m pip install --quiet dist/*.whl
	cd .cache && wheel/bin/jmltui --version && wheel/bin/jmltui --help >/dev/null && wheel/bin/jmltui adapters

clean:
	rm -rf dist build .cache $(VENV)
