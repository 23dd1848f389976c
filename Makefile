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

# What `make score` measures, unless told otherwise. DATA is a folder with speech/manifest.jsonl,
# emotion/manifest.tsv and text/; what is not there is left out.
DATA ?= ../shared/data
MANIFEST ?= $(firstword $(wildcard $(DATA)/speech/manifest.jsonl) build/caller/manifest.jsonl)
BAND ?= wide telephone
VIA ?= frames

.PHONY: help setup setup-run demo run build web test check score score-yardstick schemathesis bench soak pictures fuzz clean distclean

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

score: build ## Recognition, emotion, intents, pairs, slots and retrieval as tables: DATA=folder, MANIFEST=file.jsonl, BAND, VIA=frames or call, LIMIT=n, JSON=out.json
	@for band in $(BAND); do \
		bin/pbx score asr --manifest '$(MANIFEST)' --band $$band --path $(VIA) \
			$(if $(LIMIT),--limit $(LIMIT)) $(if $(JSON),--json '$(basename $(JSON))'.$$band.json); \
	done
	@DATA='$(DATA)' BAND='$(BAND)' scripts/score

score-yardstick: build ## The same folds with openSMILE and an SVM, which are no part of this product: fetches them into build/
	@emotion/yardstick/run '$(DATA)/emotion/manifest.tsv'

schemathesis: build ## Ask a furnished server all that its OpenAPI document allows; fetches Schemathesis into build/
	@scripts/schemathesis

bench: build ## Channels per core against raw libvosk, a SIP and RTP load, prosody, and the benchmarks of the packages
	@bin/pbx bench asr
	@bin/pbx bench calls
	@if [ -f '$(DATA)/emotion/manifest.tsv' ]; then bin/pbx bench emotion --manifest '$(DATA)/emotion/manifest.tsv'; else bin/pbx bench emotion build/caller/*.wav; fi
	@bin/pbx bench chat
	go test -run '^$$' -bench . -benchtime 200x ./audio ./media/... ./emotion ./asr/vad ./asr/front ./nlp/...

soak: build ## What takes long: 500 heard calls, 20 calls over a killed worker, the database away under calls and chats, 10,000 browser set-ups
	TINGXIN_E2E_FULL=1 go test ./e2e -count 1 -timeout 60m -v -run 'HeardCalls|SpeechWorkerKilled|DatabaseAway|EchoLoad|NothingSaid|CallsOfTheDesk'
	TINGXIN_SETUPS=10000 TINGXIN_CALLS=100 go test ./media -count 1 -timeout 60m -run 'WebRTCSetups|CallAfterCall'
	TINGXIN_SETUPS=200 go test ./media -count 1 -timeout 20m -run 'BothHear|LongRinging'

pictures: build ## Photograph every page in both languages into docs/pictures, from a demo of its own
	@npm --prefix web --silent run pictures

fuzz: setup-run ## Feed every parser of outside bytes with mutations, FUZZTIME=20s each
	@scripts/fuzz '$(or $(FUZZTIME),20s)'

clean: ## Remove what was built
	rm -rf bin build/stamps/web-modules
	find web/dist -mindepth 1 ! -name .gitkeep -delete 2>/dev/null || true

distclean: clean ## Remove what was fetched too
	rm -rf build models go.work go.work.sum web/node_modules
