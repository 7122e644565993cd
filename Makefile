# The manual. `make` alone prints it. Needs GNU make and Python 3.11 or later.

# Given as `make VENV=…`; a variable of the environment with such a name is somebody else's.
PYTHON = python3
VENV = .venv
TEST_PROCESSES = 2
MINUTES = 30
SEED = 7
CATALOGUES = auth_service/letters/catalogues
TEXTS = $(VENV)/letters.pot
PY = $(VENV)/bin/python
PIP = $(PY) -m pip --disable-pip-version-check install --quiet --require-hashes --only-binary=:all:
UV_COMPILE = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate pyproject.toml

# What makes Python find other modules than ours, warn differently or start otherwise; and pip install elsewhere.
unexport $(filter PYTHON%,$(.VARIABLES)) PIP_DRY_RUN PIP_PREFIX PIP_ROOT PIP_TARGET PIP_USER

.DEFAULT_GOAL := help
TARGETS := help run audit test faults bench bench-quick lint format catalogues lock up down compose-test
.PHONY: $(TARGETS)

# Where this file is: make cannot tell a blank in a path from one between two paths, a shell can.
QUOTE := '
FILE := $(QUOTE)$(subst $(QUOTE),$(QUOTE)\$(QUOTE)$(QUOTE),$(MAKEFILE_LIST))$(QUOTE)
export HOME_OF_MAKEFILE := $(shell cd -- "$$(dirname -- "$$(printf %s $(FILE) | sed 's/^ *//')")" && pwd -P)
ifneq ($(HOME_OF_MAKEFILE),$(shell pwd -P))

$(TARGETS):
	@exec $(MAKE) --no-print-directory -C "$$HOME_OF_MAKEFILE" $@

else

ifneq ($(words $(VENV))$(findstring :,$(VENV)),1)
$(error VENV is "$(VENV)": neither make nor Python can use a path with a blank or a colon there)
endif

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/run.stamp ## start everything on this machine; Ctrl-C stops it, the data stays in .data
	@$(PY) -m deploy.embedded

audit: $(VENV)/run.stamp ## look for broken invariants in the data of `make run`
	@$(PY) -m deploy.embedded exec $(PY) -m booking_service audit

test: $(VENV)/dev.stamp ## run all tests
	@$(PY) -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

faults: $(VENV)/dev.stamp ## let every part die under load, for MINUTES=30 with SEED=7, and check that nothing was lost
	@$(PY) -m tests.faults.campaign --minutes $(MINUTES) --seed $(SEED) $(FAULTS_OPTIONS)

bench: $(VENV)/dev.stamp ## measure everything side by side, in half an hour, into load/bench/results
	@load/bench/install-missing
	@$(PY) -m load.bench full $(BENCH_OPTIONS)

bench-quick: $(VENV)/dev.stamp ## compare ours with the usual designs, in a few minutes, into load/bench/results
	@load/bench/install-missing
	@$(PY) -m load.bench quick $(BENCH_OPTIONS)

lint: $(VENV)/dev.stamp ## check the format, the rules, the types and who imports whom
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

format: $(VENV)/dev.stamp ## put the code into its one format
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix .

catalogues: $(VENV)/dev.stamp ## collect the texts of mails for their translators, and compile what they wrote
	@$(VENV)/bin/pybabel -q extract --no-location --sort-output --keywords=_ --keywords=ngettext:1,2 \
		--add-comments="For translators:" --project=event-booking --output-file=$(TEXTS) auth_service/letters
	@for language in $$(cd $(CATALOGUES) && echo *); do \
		$(VENV)/bin/pybabel -q update --domain=letters --input-file=$(TEXTS) --output-dir=$(CATALOGUES) \
			--locale=$$language --width=120 --ignore-pot-creation-date --ignore-obsolete --init-missing || exit 1; \
	done
	@$(VENV)/bin/pybabel -q compile --domain=letters --directory=$(CATALOGUES)

lock: $(VENV)/dev.stamp ## write the lock files anew from pyproject.toml
	$(UV_COMPILE) -o requirements.lock
	$(UV_COMPILE) --extra dev -c requirements.lock -o requirements-dev.lock

up: ## start everything in containers, on http://localhost:8000
	docker compose up --build --detach --wait

down: ## stop the containers; the data stays in the volumes
	docker compose down

compose-test: ## try the containers out in a project of its own, then remove it
	@deploy/compose/try-out

# Each stamp is newer than the lock file it was installed from, so nothing is installed twice.
$(VENV)/run.stamp: requirements.lock $(PY)
	@echo "Installing what requirements.lock names into $(VENV) …"
	@$(PIP) -r requirements.lock
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@echo "Installing what requirements-dev.lock names into $(VENV) …"
	@$(PIP) -r requirements-dev.lock
	@touch $@

$(PY):
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or later is needed: there is no $(PYTHON) (make PYTHON=…)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: $(PYTHON) is $$($(PYTHON) -V) (make PYTHON=…)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: install its venv package (python3-venv on Debian and Ubuntu)" >&2; exit 1; }
	@case "$(VENV):$$PWD" in /*) ;; *:*:*) echo "a virtual environment cannot stand in $$PWD, whose path has a colon: name another folder for it, make VENV=/…" >&2; exit 1 ;; esac
	@$(PYTHON) -m venv --clear $(VENV)

endif
