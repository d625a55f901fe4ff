# The verbs of this repository. Each makes its own .venv first where there is none.
PY := .venv/bin/python
SHELL := /bin/sh
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-slow lint docs bench lock clean

help:
	@echo "make demo       berth visits out of satellite scenes, in demo-output/run/report.html"
	@echo "make test       lint, types, tests, coverage"
	@echo "make test-slow  the tests that take longer"
	@echo "make lint       ruff and mypy"
	@echo "make docs       the documentation as a site, in build/site/index.html"
	@echo "make bench      all benchmarks; writes docs/benchmarks.md"
	@echo "make setup      .venv with all that is needed (the others call it)"
	@echo "make lock       resolve requirements.lock anew"
	@echo "make clean      take away what these made, .venv too"

setup: .venv/installed
	@:

.venv/installed: requirements.lock pyproject.toml
	@sh scripts/setup.sh
	@touch $@

demo: setup
	@$(PY) -m berthwatch.datasets.demo

test: lint
	@echo "test: some minutes; tests on real scenes are skipped where there are none"
	@$(PY) -m pytest -n 2 --dist loadfile -m "not slow" --cov=berthwatch --cov-report=
	@$(PY) -m coverage report --include="engine/*" --fail-under=90
	@$(PY) -m coverage report --include="kernels/*" --fail-under=100

test-slow: setup
	@$(PY) -m pytest -m slow

lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@PYTHON=$(PY) sh scripts/types.sh

docs: setup
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet
	@echo "docs: build/site/index.html"

bench: setup
	@$(PY) -m benchmarks

lock: setup
	@echo "lock: asks the package index for the newest versions that go together"
	@uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-header \
		--all-extras --output-file requirements.lock pyproject.toml
	@! grep -n "://" requirements.lock

clean:
	rm -rf .venv build dist *.egg-info demo-output .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
