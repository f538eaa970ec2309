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
FUZZTIME    := 20s
# Of one package. Go's own 10 minutes are too few for the stores' contract on DynamoDB Local on a busy machine.
TIMEOUT     := 30m
# Proofs by one goroutine over thousands of histories: nothing races there, and the race detector slows SQLite, which is
# C turned into Go, a hundredfold. make test runs them.
RACE_SKIP   := ^(TestPreviewIsWhatApplyDoesAndUndoRestores|TestChangesSinceThePreviewAreResolvedAgain|TestARunSurvivesCrashesAtAnyWrite|TestOrderOfEventsNeverMatters|TestLifecycle.*|TestCrash.*|.*DieBeforeEveryWrite.*|TestHistories.*)$$
ARGS        :=
ARCHS       := arm64 amd64
# CDK for Go runs in Node, which it finds too old from its end of life on.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20
# What needs neither DynamoDB Local nor CDK.
PURE        := ./shared/app/... ./shared/casefold/... ./shared/scim/... ./shared/entra/... ./shared/directory/... ./shared/scimapi/... ./shared/adminapi/... ./shared/reqlog/... ./shared/store/sqlite/...

.PHONY: help run man dynamodb test tools check check-rest fmt vet lint race fips conformance templates deploy deploy-local vuln fuzz golden bench build synth pylocks

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r t d; do printf '  make %-12s %s\n' "$$t" "$$d"; done

run: ## everything on http://127.0.0.1:8080, data in rollcall.db (ARGS='--addr ... --data ...')
	@echo 'Building bin/rollcall; the first time on a machine this takes a few minutes.'
	go build -o bin/rollcall ./integration/rollcall
	bin/rollcall serve $(ARGS)

man: ## manual pages of the rollcall command, in dist/man
	go run ./integration/rollcall man dist/man

dynamodb: ## DynamoDB Local until Ctrl-C (ARGS='-data folder' keeps the tables)
	go run ./integration/tools/dynamolocal/cmd/dynamolocal $(ARGS)

test: tools ## all tests
	go test -timeout $(TIMEOUT) -json ./... | $(TESTSUM)

tools: ## fetch what the tests need besides Go modules: DynamoDB Local, the Python checkers
	go run ./integration/tools/dynamolocal/cmd/dynamolocal -fetch
	go run ./integration/tools/pytools/cmd/pytools

check: test check-rest ## what CI runs: test, and everything below up to vuln

check-rest: fmt vet lint race fips conformance templates deploy vuln ## check without the tests

fmt: ## fail on files that are not gofmt'ed
	@out=$$(gofmt -l .); test -z "$$out" || { printf 'run gofmt -w on:\n%s\n' "$$out"; exit 1; }

vet: ## go vet, with and without the tests that have a tag
	go vet ./... && go vet -tags conformance,templates,deploy ./integration/... ./infra/...

lint: $(GOLANGCI) ## golangci-lint by .golangci.yml
	$(GOLANGCI) run ./...

race: ## tests of shared/ under the race detector, in random order
	go test -race -shuffle=on -skip '$(RACE_SKIP)' -timeout $(TIMEOUT) -json ./shared/... | $(TESTSUM)

fips: ## unit tests with nothing but what FIPS 140-3 approves
	GODEBUG=fips140=only go test -short -timeout $(TIMEOUT) -json $(PURE) | $(TESTSUM)

conformance: tools ## outside SCIM and OpenAPI suites against a running service, and the longest journey
	go test -tags conformance -timeout $(TIMEOUT) -json ./integration/conformance/... | $(TESTSUM)
	go test -tags conformance -run 'InFull$$' -timeout 40m -json ./integration | $(TESTSUM)

vuln: $(GOVULN) ## known vulnerabilities of what we import; "not run" where its database is out of reach
	@rc=0; out=$$($(GOVULN) ./... 2>&1) || rc=$$?; printf '%s\n' "$$out"; case "$$rc $$out" in "0 "*) echo 'vuln: passed';; *'fetching vulnerabilities'*) echo 'vuln: not run, its database vuln.go.dev is out of reach';; *) echo 'vuln: failed'; exit 1;; esac

fuzz: ## each fuzz test for FUZZTIME (20s)
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | sed -n '/^Fuzz/p'); do echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; done; done

golden: ## rewrite testdata/*.golden; review the difference as code
	go test $$(go list -f '{{$$p := .ImportPath}}{{range .TestImports}}{{if eq . "rollcall/shared/golden"}}{{$$p}} {{end}}{{end}}{{range .XTestImports}}{{if eq . "rollcall/shared/golden"}}{{$$p}} {{end}}{{end}}' ./...) -update

bench: ## starts, round trips, units, costs and times; then the micro-benchmarks of SCIM
	go run ./integration/tools/bundle $$(go env GOARCH)
	go run ./integration/bench
	go test -run '^$$' -bench . -benchmem ./shared/scim/...

templates: tools ## cfn-lint, checkov and sam on both partitions' templates; no CDK in what is deployed
	@deps=$$(go list -deps ./functions/... ./shared/...) && ! grep -E 'aws-cdk-go|jsii-runtime|constructs-go' <<<"$$deps" || { echo 'CDK is in what is deployed, or go list failed'; exit 1; }
	go test -tags templates -run 'TestOutside' -timeout $(TIMEOUT) -json ./infra/... | $(TESTSUM)

deploy: tools ## the stacks on an emulator of AWS, with Entra at their door
	go run ./integration/tools/bundle -again $$(go env GOARCH)
	go test -tags deploy -timeout $(TIMEOUT) -json ./integration/deploy/... | $(TESTSUM)

deploy-local: ## the stacks on an emulator of AWS, at http://127.0.0.1:8080 until Ctrl-C (ARGS='-addr ...')
	go run ./integration/tools/bundle $$(go env GOARCH)
	go run ./integration/deploy/cmd/deploylocal $(ARGS)

build: ## the functions as Lambda wants them, dist/<architecture>/<name>/bootstrap (ARCHS='arm64 amd64')
	go run ./integration/tools/bundle $(ARCHS)

synth: build ## the templates of both partitions, in cdk.out (ARGS='-c key=value')
	go run ./infra $(ARGS)

pylocks: ## compile the Python lock files anew from integration/tools/pytools/locks/*.in
	python3 -m venv $(CACHE)/pip-tools-$(PIPTOOLS_VERSION) && $(CACHE)/pip-tools-$(PIPTOOLS_VERSION)/bin/pip install -q pip-tools==$(PIPTOOLS_VERSION)
	cd integration/tools/pytools/locks && for f in *.in; do CUSTOM_COMPILE_COMMAND='make pylocks' $(CACHE)/pip-tools-$(PIPTOOLS_VERSION)/bin/pip-compile -q --upgrade --generate-hashes --no-emit-find-links --no-emit-index-url --no-emit-trusted-host --strip-extras --allow-unsafe $$f; done

$(GOLANGCI):
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(GOVULN):
	GOBIN=$(@D) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULN_VERSION)
