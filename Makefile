VENV := .venv
PIP := $(VENV)/bin/python -m pip install --disable-pip-version-check -q
# The key of the first user, for trying things out on this machine; 40 characters, as every client wants.
export DUMBBELL_API_KEY ?= local00000000000000000000000000000000000

.PHONY: serve test check bench docs constraints

serve: $(VENV)/.installed
	$(VENV)/bin/dumbbell serve --seed demo

test: check
	env -u DUMBBELL_API_KEY $(VENV)/bin/pytest -n 2 --dist loadfile --backends=all

check: $(VENV)/.installed-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

# What the server spends on its hot paths: run it before and after a change, on a quiet machine.
bench: $(VENV)/.installed-dev
	env -u DUMBBELL_API_KEY PYTHONPATH=tests $(VENV)/bin/python -m bench $(ARGS)

# The pages that are made from the code (what works with wandb, the client's reference, the schema), and the site.
docs: $(VENV)/.installed-dev
	cd tests && ../$(VENV)/bin/python -m support.generated
	$(VENV)/bin/zensical build --strict

$(VENV)/bin/python:
	python3 -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -c constraints.txt -e '.[server,parquet]'
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.installed

# Takes the newest versions of everything, and writes down which: run `make test` before it is committed.
constraints: | $(VENV)/bin/python
	$(PIP) --upgrade --upgrade-strategy eager -e '.[dev]'
	$(VENV)/bin/python -m pip freeze --exclude-editable | grep -E '^[A-Za-z0-9._-]+==[^ ]+$$' > constraints.txt
