# make demo     set up, and run the suite against the reference server and against a broken one
# make test     set up, and pass every check
# make examples run the suite against the examples, a line each
# make matrix   let every broken server meet every scenario (heavy)
# make bench    measure the reference server beside its peers (a quarter of an hour; BENCH='--help')
# make plot     draw the last run of make bench
# make soak     run the suite again and again while the machine is busy (heavy)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SUITE := $(BIN)/chatproto-conformance
REFERENCE := $(BIN)/chatproto-server --listen {address} --heartbeat 1
JOBS ?= 5
WORKERS ?= 3
ROUNDS ?= 20

# What is launched by name is this environment's.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test check lint types unit suite examples specimens matrix bench plot soak build clean

demo: $(READY)
	@mkdir -p reports
	@echo "== The suite against the reference server"
	$(SUITE) run --launch "$(REFERENCE)" --json reports/reference.json \
		--junit reports/reference.xml --html reports/reference.html
	@echo
	@echo "== The suite against a server that takes each read for one message"
	$(SUITE) run --launch "$(BIN)/python -m conformance.specimens one-read-one-message {port}" \
		--json reports/broken.json --junit reports/broken.xml --html reports/broken.html; \
		test $$? -eq 1
	@echo
	@echo "The reports are in reports/: reference and broken, each as .html, .json and .xml"

test: lint types unit suite specimens

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

unit: $(READY)
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -rs -n $(WORKERS) --dist worksteal
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --include 'chatproto/*' --fail-under 100
	$(BIN)/coverage report --include 'reference_server/*' --fail-under 95
	$(BIN)/coverage report --include 'conformance/*' --fail-under 90

suite: $(READY)
	$(SUITE) run --launch "$(REFERENCE)"
	$(SUITE) run --profile tests/full-room.toml --only LIM-5

examples: $(READY)
	@for driver in examples/*.py; do \
		line=$$($(SUITE) run -j 2 --launch "$(BIN)/python $$driver --listen {address} --heartbeat 1" | tail -n 1); \
		echo "$$line"; \
		case $$line in *": conformant ("*) ;; *) failed=1 ;; esac; \
	done; test -z "$$failed"

specimens: $(READY)
	$(SUITE) specimens -j $(JOBS)

matrix: $(READY)
	@mkdir -p reports
	$(SUITE) specimens --whole -j $(JOBS) --json reports/matrix.json

bench: $(READY)
	$(BIN)/python -m benchmarks.fanout --json reports/fanout.json $(BENCH)

plot: $(VENV)/bench
	$(BIN)/python -m benchmarks.fanout.plot reports/fanout.json

# Two busy loops keep the cores occupied; they end with the last round.
soak: $(READY)
	$(BIN)/python tests/soak.py --rounds $(ROUNDS) --launch "$(REFERENCE)"

build: $(READY)
	$(BIN)/python -m build --no-isolation

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "chatproto needs Python 3.11 or later; say which with PYTHON=python3.x" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

$(VENV)/bench: $(READY) requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-bench.txt
	@touch $@

clean:
	rm -rf $(VENV) build dist reports .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
