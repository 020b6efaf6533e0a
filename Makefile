# make run     builds everything and starts it on http://127.0.0.1:8080 with an embedded database in ./data
# make test    installs what tests need and runs every test: Rust, web, real mail servers, browser, crash
# The other targets are listed by `make help`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

LISTEN ?= 127.0.0.1:8080
DATA   ?= $(if $(DEMO),./data-demo,./data)
DEV     := target/debug/shouwen
RELEASE := target/release/shouwen

WEB_SOURCES := $(shell find web widget -path '*/node_modules' -prune -o -path '*/dist' -prune -o -type f -print 2>/dev/null)

.PHONY: help simulate run test test-tools test-rust test-web test-e2e test-crash crash mail-faults bench check fmt web build release screenshots clean need-cargo need-node FORCE

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# --- run -------------------------------------------------------------------------------------------------------------

# The development profile: ready in a third of the time of `make release` and quick enough for a team on one machine.
# `make release` builds what belongs on a server.
run: build ## build and start; DEMO=1 with a fictional organisation, LISTEN=address:port, DATA=folder
	$(if $(DEMO),[ -f $(DATA)/DEMO.txt ] || $(DEV) demo --data $(DATA))
	$(if $(DEMO),@cat $(DATA)/DEMO.txt)
	# A mail server or receiver of webhooks on the developer's own machine may be tried; on a server name your hosts yourself.
	exec $(DEV) serve --data $(DATA) --listen $(LISTEN) --allow-private-host 127.0.0.1 --allow-private-host localhost

build: need-cargo web FORCE ## the development binary
	cargo build --package shouwen

release: need-cargo web FORCE ## the one binary for a server: target/release/shouwen
	cargo build --release --package shouwen
	@ls -l $(RELEASE) | awk '{printf "%s  %.1f MiB\n", $$NF, $$5/1048576}'

web: web/dist/index.html ## the web pages, which the binary carries inside

web/dist/index.html: $(filter-out web/dist/%,$(WEB_SOURCES)) web/node_modules/.package-lock.json
	npm --prefix web run build
	@touch $@

%/node_modules/.package-lock.json: %/package-lock.json | need-node
	npm --prefix $* ci --no-audit --no-fund
	@touch $@

need-cargo:
	@command -v cargo >/dev/null || { echo 'Rust is missing. Install it from https://rustup.rs (1.95 or newer), open a new shell, and run make again.' >&2; exit 1; }

need-node:
	@command -v npm >/dev/null || { echo 'Node.js is missing. Install version 20.19 or newer (Debian: apt install nodejs npm, or https://nodejs.org) and run make again.' >&2; exit 1; }
	@node -e 'const [a,b]=process.versions.node.split(".").map(Number); if (a<20||(a===20&&b<19)) { console.error("Node.js "+process.versions.node+" is too old; 20.19 or newer is needed."); process.exit(1) }'

# --- test ------------------------------------------------------------------------------------------------------------

test: test-tools test-rust test-web test-e2e test-crash ## every test

test-tools: ## PostgreSQL, Dovecot, Postfix, Chromium … from Debian, where they are missing
	e2e/bin/install-tools

# Every database test runs on SQLite, and on PostgreSQL through SHOUWEN_TEST_POSTGRES, a private cluster that ends with it.
test-rust: need-cargo need-node web ## unit, property and database tests
	node e2e/bin/with-postgres.mjs cargo test --workspace --no-fail-fast

test-web: web/node_modules/.package-lock.json ## types and unit tests of the web application
	npm --prefix web run check
	npm --prefix web test

test-e2e: build e2e/node_modules/.package-lock.json ## mail servers, browser journeys
	node e2e/run.mjs

test-crash: build ## a short crash test; `make crash` is the full one
	node e2e/faults/crash.mjs --kills 15

crash: build ## the crash test in full: 100 kills under load, nothing lost, nothing doubled
	node e2e/faults/crash.mjs --kills 100

mail-faults: build ## 50,000 mails through IMAP and POP3 while everything breaks: nothing lost, nothing doubled (an hour)
	node e2e/faults/mail.mjs --mails 50000

simulate: need-cargo ## 30 simulated days x 1,000 seeds of clocks (SEEDS=n for fewer): nothing missed, early or told twice (some minutes)
	SHOUWEN_SEEDS=$(SEEDS) TMPDIR=$(shell [ -d /dev/shm ] && echo /dev/shm || echo /tmp) cargo test --release --package shouwen-service-levels --test simulation -- --ignored thousand --nocapture

# --- measure ---------------------------------------------------------------------------------------------------------

bench: release ## the budgets, with the release binary on this machine
	node e2e/bench/bench.mjs
	cargo run --quiet --release -p shouwen-rules --example rules_bench
	cargo run --quiet --release -p shouwen-forms --example forms_bench
	node e2e/bin/with-postgres.mjs cargo test --release --package shouwen-service-levels --test replan -- --ignored --nocapture

# Targets of the text engine (bench-mind …) live beside it.
-include engines/mind/mind.mk

# --- keep ------------------------------------------------------------------------------------------------------------

check: need-cargo web/node_modules/.package-lock.json ## what a reviewer would ask first
	cargo clippy --workspace --all-targets
	npm --prefix web run check

fmt: ## format
	cargo fmt --all

screenshots: build e2e/node_modules/.package-lock.json ## the pictures of the README
	node e2e/bin/screenshots.mjs

clean: ## what was built (data stays)
	rm -rf target web/dist web/node_modules e2e/node_modules e2e/out
