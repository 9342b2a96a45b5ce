# Everything a fresh machine needs: Python 3.11 or newer, git and make. `make test` installs the rest itself.
# The first interpreter that really runs: a name on the PATH may be a shim of a version manager.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do $$p -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python
REPORTS := .cache/reports
# One more than there are processors: most tests wait for a server most of the time.
JOBS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$(( n < 7 ? n + 1 : 8 )))

MAKEFLAGS += --no-print-directory
.PHONY: demo test check trial bench screenshots wheel clean

demo: $(VENV)/.stamp-demo ## open the dashboard on the embedded practice company
	$(VENV)/bin/jmltui demo .cache/demo

$(VENV)/.stamp-demo: pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --editable .
	touch $@

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
	.ci/servers
	mkdir -p $(REPORTS)
	$(PY) -m pytest -q -n $(JOBS) --dist worksteal --junitxml=$(REPORTS)/tests.xml

trial: $(VENV)/.stamp-test ## the company-sized trial on the monthly files of a real company: make trial DATA=FOLDER
	.ci/servers
	JMLTUI_TRIAL_DATA='$(DATA)' $(PY) -m pytest -q -m trial

bench: $(VENV)/.stamp-test ## how the product compares with bare counterparts; docs/benchmarks.md explains
	@missed=0; for file in tests/bench/bench_*.py; do \
	  $(PY) -m tests.bench.$$(basename $$file .py) || missed=1; done; exit $$missed

screenshots: $(VENV)/.stamp-test ## take the pictures of the README from the practice company
	TZ=UTC $(PY) -m tests.ui.pictures

wheel: $(VENV)/.stamp-test ## build, install into a clean environment, smoke-test
	rm -rf dist .cache/wheel
	$(PY) -m build --quiet --outdir dist .
	$(PYTHON) -m venv .cache/wheel
	.cache/wheel/bin/python -m pip install --quiet dist/*.whl
	rm -rf .cache/home && cd .cache && export JMLTUI_HOME=$$PWD/home && wheel/bin/jmltui --version \
	  && wheel/bin/jmltui --help >/dev/null && wheel/bin/jmltui adapters && wheel/bin/jmltui init \
	  && wheel/bin/jmltui policy lint && wheel/bin/jmltui cases && wheel/bin/jmltui journal verify

clean:
	rm -rf dist build .cache $(VENV)
