# `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# Compilers that scripts/setup brought because the machine's were too old.
export PATH := $(CURDIR)/build/go/bin:$(CURDIR)/build/node/bin:$(PATH)

# asrd finds libvosk from the clone, or from a lib folder beside bin once installed.
ldflags := -extldflags=-Wl,-rpath,$$ORIGIN/../build/vosk-api/src:$$ORIGIN/../lib

web_sources := $(shell find web \( -path web/node_modules -o -path web/dist -o -path web/mock -o -path web/e2e \) -prune -o -type f ! -name '*.go' -print 2>/dev/null)

# What `make score` measures, unless told otherwise.
MANIFEST ?= build/caller/manifest.jsonl
BAND ?= wide telephone
VIA ?= frames

.PHONY: help setup setup-run demo run build web test check score bench fuzz clean distclean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Fetch everything that building, running and testing need
	@scripts/setup all

setup-run:
	@SETUP_QUIET=1 scripts/setup run

demo: build ## Let a recorded caller ring in and watch it; ONCE=1 ends after the call, CALL=file.wav calls with that
	@bin/pbx demo $(if $(ONCE),--once) $(if $(CALL),--call '$(CALL)')

run: build ## Start the server; CONFIG=file.yaml for other settings than the defaults
	@bin/pbx serve $(if $(CONFIG),--config '$(CONFIG)')

build: setup-run web ## Build bin/pbx and bin/asrd
	@mkdir -p bin
	go build -ldflags '$(ldflags)' -o bin/ ./cmd/...

web: setup-run ## Build the pages into web/dist, when their sources changed
ifneq ($(wildcard web/package.json),)
web: web/dist/index.html

build/stamps/web-modules: web/package.json web/package-lock.json | setup-run
	@mkdir -p $(@D)
	cd web && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: build/stamps/web-modules $(web_sources)
	cd web && npm run build
	@touch web/dist/.gitkeep $@
endif

test: ## Run all tests: Go with the race detector, pages, end to end
	@SETUP_QUIET=1 scripts/setup all
	@$(MAKE) --no-print-directory build
	@scripts/test

check: ## Format, vet, staticcheck, import table, lint and types of the pages
	@SETUP_QUIET=1 scripts/setup all
	@$(MAKE) --no-print-directory web
	@scripts/check

score: build ## Word error rates: MANIFEST=file.jsonl, BAND="wide telephone", VIA=frames or call, LIMIT=n, JSON=out.json
	@for band in $(BAND); do \
		bin/pbx score asr --manifest '$(MANIFEST)' --band $$band --path $(VIA) \
			$(if $(LIMIT),--limit $(LIMIT)) $(if $(JSON),--json '$(basename $(JSON))'.$$band.json); \
	done

bench: build ## Channels per core against raw libvosk, then a SIP and RTP load
	@bin/pbx bench asr
	@bin/pbx bench calls

fuzz: setup-run ## Feed every parser of outside bytes with mutations, FUZZTIME=20s each
	@scripts/fuzz '$(or $(FUZZTIME),20s)'

clean: ## Remove what was built
	rm -rf bin build/stamps/web-modules
	find web/dist -mindepth 1 ! -name .gitkeep -delete 2>/dev/null || true

distclean: clean ## Remove what was fetched too
	rm -rf build models go.work go.work.sum web/node_modules
