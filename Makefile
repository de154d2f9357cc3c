# Everything a person does with this tree. `make run` and `make test` install all they need first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DOC := doc/_build
PORT ?= 10067
CLIENT_PORT ?= 10068
PORT6 ?= 10547
CLIENT_PORT6 ?= 10546
TESTFLAGS ?=
TESTS ?=
BENCHFLAGS ?=
BACKEND ?= memfile
SCENARIO ?=
# tox looks for interpreters on the PATH; those that pyenv keeps are put at its end.
PYENV_BINS := $(wildcard $(HOME)/.pyenv/versions/3.1*/bin)
# In a variable, for make would take the comma for its own.
TYPES := [test,types]
EMPTY :=
SPACE := $(EMPTY) $(EMPTY)

.DEFAULT_GOAL := help
.PHONY: help run test bench docs lint types tox dist clean os-run os-test os-docs

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: os-run $(VENV)/.run ## Serve on the loopback interface, show clients getting leases, stay up until Ctrl-C
	@mkdir -p .run
	@( $(BIN)/txkea client --server 127.0.0.1 --port $(PORT) || echo "make run: the client got no lease" >&2; \
	$(BIN)/txkea client -6 --server ::1 --port $(PORT6) || echo "make run: the DHCPv6 client got no lease" >&2 ) & \
	exec $(BIN)/twistd -n --pidfile=.run/twistd.pid kea -c config/loopback.conf --data-directory .run \
	-p $(PORT) -P $(CLIENT_PORT) --port6 $(PORT6) --client-port6 $(CLIENT_PORT6)

test: os-test os-docs $(VENV)/.test ## Run all tests; TESTS="unit", "stores", "real" or names for trial, TESTFLAGS=--no-skips
	@$(BIN)/python tools/run_tests.py $(TESTFLAGS) $(TESTS)

bench: os-test $(VENV)/.test ## Compare with Kea (root); BACKEND=postgresql, mysql, redis, cql; SCENARIO=slow-radius; BENCHFLAGS=--help
	$(BIN)/python -m bench --backend $(BACKEND) $(addprefix --scenario ,$(SCENARIO)) $(BENCHFLAGS)

docs: os-docs $(VENV)/.docs ## Build the manual as HTML, plain text and PDF in doc/_build
	$(BIN)/sphinx-build -q -E -W --keep-going -d $(DOC)/tree -b html doc $(DOC)/html
	$(BIN)/sphinx-build -q -W --keep-going -d $(DOC)/tree -b text doc $(DOC)/text
	$(BIN)/sphinx-build -q -d $(DOC)/tree -b rinoh doc $(DOC)/pdf >$(DOC)/pdf.log 2>&1 || { cat $(DOC)/pdf.log; exit 1; }
	@if command -v pdftotext >/dev/null; then pdftotext $(DOC)/pdf/txkea.pdf - | grep -q 'Serve a LAN in one page'; fi
	@ls $(DOC)/html/index.html $(DOC)/text/index.txt $(DOC)/pdf/txkea.pdf

lint: os-run $(VENV)/.lint ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: os-run $(VENV)/.types ## mypy, strict
	$(BIN)/mypy

tox: os-test os-docs $(VENV)/.dev ## Everything on every supported Python that is found
	PATH="$$PATH:$(subst $(SPACE),:,$(PYENV_BINS))" $(BIN)/tox run $(TOXFLAGS)

dist: os-run $(VENV)/.dev ## Build sdist and wheel in dist/
	$(BIN)/python -m build

clean: ## Remove all that was made
	rm -rf $(VENV) .tox .run build dist *.egg-info $(DOC) _trial_temp* .hypothesis .mypy_cache .ruff_cache
	rm -f twisted/plugins/dropin.cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

os-run:
	@tools/os-packages run
os-test:
	@tools/os-packages run test
os-docs:
	@tools/os-packages run docs

# The tree itself is installed, not a copy. Without compat mode an editable install hides the plugin from twistd.
define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --config-settings editable_mode=compat --editable '.$(1)'
	@touch $@
endef
$(VENV)/.run: setup.cfg pyproject.toml
	$(call install,)
$(VENV)/.test: setup.cfg pyproject.toml
	$(call install,[test])
$(VENV)/.docs: setup.cfg pyproject.toml
	$(call install,[docs])
$(VENV)/.lint: setup.cfg pyproject.toml
	$(call install,[lint])
$(VENV)/.types: setup.cfg pyproject.toml
	$(call install,$(TYPES))
$(VENV)/.dev: setup.cfg pyproject.toml
	$(call install,[dev])
