# Each of `make demo` and `make test` is enough on a fresh machine: both build .venv first, once.
# Another Python than the first fitting one:  make PYTHON=/path/to/python3.12 test

PYTHON ?=
PYTHONS := $(if $(PYTHON),"$(PYTHON)",python3 python3.12 python3.11 python3.13 python3.10)
RUN := .venv/bin/python -m
INSTALL := $(RUN) pip install --disable-pip-version-check --only-binary=aihwkit
# Each worker has a stretch of its own, so that no two compile the same kernel; who is ready first takes of the rest.
TESTS := pytest -n auto --dist worksteal
# The versions of every package, for a Python that has such a file: CI sets LOCKED=1.
LOCK = .ci/constraints-$(shell .venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt
PINS = $(if $(LOCKED),$(addprefix -c ,$(wildcard $(LOCK))))

.PHONY: help demo test slow exhaustive judges docs clean

help:
	@echo 'make demo   compare digits, digital against simulated crossbars; writes demo/report.html'
	@echo 'make test   lint, types and the fast tests'
	@echo 'make slow   the slow tests (minutes)'
	@echo 'make exhaustive   every law at every number of pulses, every fit a hundred times (an hour)'
	@echo 'make judges   badcrossbar and ngspice solve the arrays of the tests anew (needs libcairo2-dev, pkg-config, ngspice)'
	@echo 'make docs   the pages and the API reference as a site in build/site; a dead link fails'
	@echo 'make clean  remove .venv, caches and demo/'

demo: .venv/.installed
	.venv/bin/memsim compare --worth --out demo

test: .venv/.test-installed
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) pyright & types=$$!; \
	  $(RUN) $(TESTS); tests=$$?; \
	  wait $$types || { echo 'make test: pyright found what it printed above' >&2; exit 1; }; \
	  exit $$tests

slow: .venv/.test-installed
	$(RUN) $(TESTS) -m slow

exhaustive: .venv/.test-installed
	$(RUN) $(TESTS) -m exhaustive

# badcrossbar draws with cairo and wants a numpy of its own: an environment apart.
judges: .venv/.test-installed
	@command -v ngspice >/dev/null || { echo 'make judges needs ngspice: apt-get install ngspice' >&2; exit 1; }
	$(RUN) venv .judges
	.judges/bin/python -m pip install --disable-pip-version-check badcrossbar==1.1.0 'numpy<3' 'scipy<2'
	.judges/bin/python tests/wires/make_badcrossbar.py .judges
	.judges/bin/python tests/wires/make_ngspice.py .judges
	MEMSIM_JUDGES=$(CURDIR)/.judges $(RUN) pytest -n 0 tests/wires/test_judges.py
	.venv/bin/memsim bench wires

docs: .venv/.installed
	$(INSTALL) $(PINS) -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict --quiet
	@echo 'site: build/site/index.html'

clean:
	rm -rf .venv .judges .pytest_cache .ruff_cache .hypothesis build dist demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ensurepip writes pip last, so its presence means the environment is whole.
.venv/bin/pip:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	    && "$$python" -m venv --clear .venv; then \
	    echo "made .venv with $$("$$python" --version)"; exit 0; \
	  fi; \
	done; \
	echo 'memsim needs Python 3.10 to 3.13 with its venv module; name one: make PYTHON=/path/to/python3.12' >&2; \
	exit 1

.venv/.installed: pyproject.toml | .venv/bin/pip
	@echo 'installing (torch with its CUDA parts takes about 6 GB and some minutes; once only)'
	$(INSTALL) $(PINS) -e .
	@touch $@

.venv/.test-installed: .venv/.installed
	$(INSTALL) $(PINS) -e '.[test]'
	@touch $@
