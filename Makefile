# make app    serves the application; the first time it creates the environment (about 6 GB) and installs into it
# make test   runs the tests        make lint   checks style and types        make clean   removes what these made
# make audit  asks for known vulnerabilities of the pinned packages (needs a network)
# make lock   renews requirements-lock.txt from the two requirement files (needs a network and Python 3.11)
#
# PYTHON=python3.12 chooses the interpreter for a new environment, ARGS="-k stereo" is handed on to pytest, and
# WORKERS=0 runs the tests in one process. GRADIO_SERVER_PORT and the LASS_* variables have their usual meaning.

VENV := .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --disable-pip-version-check --constraint requirements-lock.txt
WORKERS ?= 2
ARGS ?=

ifeq ($(origin PYTHON),undefined)
INTERPRETERS := python3 python3.12 python3.11
else
INTERPRETERS := $(PYTHON)
endif

.PHONY: app test lint audit lock clean

app: $(VENV)/installed
	$(RUN) app.py

test: $(VENV)/installed-dev
	$(RUN) -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

lint: $(VENV)/installed-dev
	$(RUN) -m ruff check .
	$(RUN) -m mypy

# The stamps are what make compares: a package list that is newer than its stamp is installed again. Where everything
# in it is already there, pip asks nobody, so this works without a network.
$(VENV)/installed: requirements.txt requirements-lock.txt
	@$(RUN) -m pip --version >/dev/null 2>&1 || { \
	    for python in $(INTERPRETERS); do \
	        if "$$python" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then break; fi; \
	        python=; \
	    done; \
	    if [ -z "$$python" ]; then \
	        echo "lass needs Python 3.11 or 3.12 and found neither (tried: $(INTERPRETERS)): install one, or name it with PYTHON=/path/to/python3.12." >&2; \
	        exit 1; \
	    fi; \
	    "$$python" -m venv --clear $(VENV) || { \
	        rm -rf $(VENV); \
	        echo "The environment could not be created: on Debian and Ubuntu, install python3-venv and try again." >&2; \
	        exit 1; \
	    }; \
	}
	@$(INSTALL) --requirement requirements.txt || { \
	    echo "The packages could not be installed, for the reason above: the first installation needs a network and about 7 GB of disk." >&2; \
	    exit 1; \
	}
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.txt
	$(INSTALL) --requirement requirements.txt --requirement requirements-dev.txt
	@touch $@

# In an environment of its own: what audits is no part of what is audited.
audit: $(VENV)/audit/installed
	$(VENV)/audit/bin/python .ci/audit.py requirements.txt requirements-dev.txt requirements-lock.txt

$(VENV)/audit/installed: $(VENV)/installed
	$(RUN) -m venv --clear $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --disable-pip-version-check --quiet pip-audit==2.10.1
	@touch $@

# Resolved on 3.11, the older of the two: what is chosen there installs on 3.12 as well.
lock: $(VENV)/installed
	$(RUN) -m pip install --dry-run --ignore-installed --quiet --report $(VENV)/report.json \
	    --requirement requirements.txt --requirement requirements-dev.txt
	$(RUN) .ci/lock.py $(VENV)/report.json requirements-lock.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
	find app.py lass tests -name __pycache__ -type d -prune -exec rm -rf {} +
