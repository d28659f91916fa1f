# A thin front for CMake and scripts/; `make help` says what there is.

PRESET ?= release
PREFIX ?= /usr/local
DESTDIR ?=
RUN_ARGS ?=
BENCH_ARGS ?=
CCAPI_CLAUDE ?=
PYTHON := /usr/bin/python3
BUILD := build/$(PRESET)

.PHONY: all build help deps run check check-all bench install format clean

all: build ## build the programs (PRESET=release: into build/bin)

build:
	@test -f $(BUILD)/build.ninja || cmake --preset $(PRESET)
	cmake --build --preset $(PRESET)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
	@echo "Variables: PRESET=dev|release|asan|tsan|fuzz|coverage  RUN_ARGS='-o pool.workers=2'"
	@echo "           BENCH_ARGS='--quick P1 P5' (--update: into docs/performance.md)"
	@echo "           CCAPI_CLAUDE=/path/to/claude  PREFIX=/usr/local  DESTDIR="

deps: ## install what building, running and testing need and is missing (apt, npm)
	@scripts/deps.sh

run: ## install, build and start the daemon on 127.0.0.1:8080
	@scripts/deps.sh build run
	@test -f build/release/build.ninja || cmake --preset release
	@cmake --build --preset release --target ccapid ccapictl ccapitop claude-sim
	@CCAPI_CLAUDE='$(CCAPI_CLAUDE)' scripts/run.sh $(RUN_ARGS)

check: ## install, build and run the tests
	@scripts/check.sh

check-all: ## the same and sanitizers, valgrind, fuzzing, long tests
	@scripts/check.sh --all

bench: ## measure, and print the table of docs/performance.md
	@scripts/deps.sh
	@$(MAKE) --no-print-directory build PRESET=release
	@$(PYTHON) tests/bench/run.py $(BENCH_ARGS)

install: ## install into $(DESTDIR)$(PREFIX)
	@$(MAKE) --no-print-directory build PRESET=$(PRESET)
	DESTDIR='$(DESTDIR)' cmake --install $(BUILD) --prefix '$(PREFIX)'

format: ## format the C sources
	@find shared daemon ctl tui tests -name node_modules -prune -o -name '*.[ch]' -print 2>/dev/null | \
		xargs -r clang-format -i

clean: ## remove what was built
	rm -rf build
