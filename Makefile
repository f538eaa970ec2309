# The versions of the tools that are not in go.mod, all in one place.
GOLANGCI_VERSION := v2.15.0
GOVULN_VERSION   := v1.9.0
PIPTOOLS_VERSION := 7.6.2

SHELL       := bash
.SHELLFLAGS := -o pipefail -ec
CACHE       := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/rollcall
GOLANGCI    := $(CACHE)/bin/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
GOVULN      := $(CACHE)/bin/govulncheck-$(GOVULN_VERSION)/govulncheck
TESTSUM     := go run ./integration/tools/testsum
LAMBDA      := CGO_ENABLED=0 GOOS=linux GOARCH=arm64 GOFIPS140=v1.0.0 go build -trimpath -buildvcs=false -tags lambda.norpc -ldflags='-s -w -buildid='
FUZZTIME    := 20s
# Of one package. Go's own 10 minutes are too few for the stores' contract on DynamoDB Local on a busy machine.
TIMEOUT     := 20m
# Proofs by one goroutine over thousands of histories: nothing races there, and the race detector slows SQLite, which is
# C turned into Go, a hundredfold. make test runs them.
RACE_SKIP   := ^(TestPreviewIsWhatApplyDoesAndUndoRestores|TestChangesSinceThePreviewAreResolvedAgain|TestARunSurvivesCrashesAtAnyWrite|TestOrderOfEventsNeverMatters|TestLifecycle.*|TestCrash.*|.*DieBeforeEveryWrite.*|TestHistories.*)$$
ARGS        :=

.PHONY: help run dynamodb test tools check check-rest fmt vet lint race conformance vuln fuzz golden bench build pylocks

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r t d; do printf '  make %-12s %s\n' "$$t" "$$d"; done

run: ## everything on http://127.0.0.1:8080, data in rollcall.db (ARGS='-addr ... -data ...')
	go run ./integration/rollcall serve $(ARGS)

dynamodb: ## DynamoDB Local until Ctrl-C (ARGS='-data folder' keeps the tables)
	go run ./integration/tools/dynamolocal/cmd/dynamolocal $(ARGS)

test: tools ## all tests
	go test -timeout $(TIMEOUT) -json ./... | $(TESTSUM)

tools: ## fetch what the tests need besides Go modules: DynamoDB Local, the Python checkers
	go run ./integration/tools/dynamolocal/cmd/dynamolocal -fetch
	go run ./integration/tools/pytools/cmd/pytools

check: test check-rest ## what CI runs: test, and everything below up to vuln

check-rest: fmt vet lint race conformance vuln ## check without the tests

fmt: ## fail on files that are not gofmt'ed
	@out=$$(gofmt -l .); test -z "$$out" || { printf 'run gofmt -w on:\n%s\n' "$$out"; exit 1; }

vet: ## go vet, with and without the conformance tests
	go vet ./... && go vet -tags conformance ./...

lint: $(GOLANGCI) ## golangci-lint by .golangci.yml
	$(GOLANGCI) run ./...

race: ## tests of shared/ under the race detector, in random order
	go test -race -shuffle=on -skip '$(RACE_SKIP)' -timeout $(TIMEOUT) -json ./shared/... | $(TESTSUM)

conformance: tools ## outside SCIM and OpenAPI suites against a running service
	go test -tags conformance -timeout $(TIMEOUT) -json ./integration/conformance/... | $(TESTSUM)

vuln: $(GOVULN) ## known vulnerabilities of what we import; "not run" where its database is out of reach
	@rc=0; out=$$($(GOVULN) ./... 2>&1) || rc=$$?; printf '%s\n' "$$out"; case "$$rc $$out" in "0 "*) echo 'vuln: passed';; *'fetching vulnerabilities'*) echo 'vuln: not run, its database vuln.go.dev is out of reach';; *) echo 'vuln: failed'; exit 1;; esac

fuzz: ## each fuzz test for FUZZTIME (20s)
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | sed -n '/^Fuzz/p'); do echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; done; done

golden: ## rewrite testdata/*.golden; review the difference as code
	go test $$(go list -f '{{$$p := .ImportPath}}{{range .TestImports}}{{if eq . "rollcall/shared/golden"}}{{$$p}} {{end}}{{end}}{{range .XTestImports}}{{if eq . "rollcall/shared/golden"}}{{$$p}} {{end}}{{end}}' ./...) -update

bench: ## round trips, units and times; then the micro-benchmarks of SCIM
	go run ./integration/bench
	go test -run '^$$' -bench . -benchmem ./shared/scim/...

build: ## the functions as Lambda wants them, dist/arm64/<name>/bootstrap
	@for f in functions/*/; do n=$$(basename $$f); echo "dist/arm64/$$n/bootstrap"; $(LAMBDA) -o dist/arm64/$$n/bootstrap ./$$f; done

pylocks: ## compile the Python lock files anew from integration/tools/pytools/locks/*.in
	python3 -m venv $(CACHE)/pip-tools-$(PIPTOOLS_VERSION) && $(CACHE)/pip-tools-$(PIPTOOLS_VERSION)/bin/pip install -q pip-tools==$(PIPTOOLS_VERSION)
	cd integration/tools/pytools/locks && for f in *.in; do CUSTOM_COMPILE_COMMAND='make pylocks' $(CACHE)/pip-tools-$(PIPTOOLS_VERSION)/bin/pip-compile -q --upgrade --generate-hashes --no-emit-find-links --no-emit-index-url --no-emit-trusted-host --strip-extras --allow-unsafe $$f; done

$(GOLANGCI):
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(GOVULN):
	GOBIN=$(@D) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULN_VERSION)
