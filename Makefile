# The versions of the tools that are not in go.mod, all in one place.
GOLANGCI_VERSION  := v2.15.0
GOTESTSUM_VERSION := v1.13.0
GOVULN_VERSION    := v1.9.0

SHELL       := bash
.SHELLFLAGS := -o pipefail -ec
CACHE       := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/rollcall
GOLANGCI    := $(CACHE)/bin/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
GOTESTSUM   := $(CACHE)/bin/gotestsum-$(GOTESTSUM_VERSION)/gotestsum
GOVULN      := $(CACHE)/bin/govulncheck-$(GOVULN_VERSION)/govulncheck
FUZZTIME    := 20s
ARGS        :=
ARCHS       := arm64 amd64
# All packages except the CDK app, which takes minutes to compile; the slowest first.
PKG         := ./shared/store/dynamo ./functions/... ./shared/... ./integration/...
RUN         :=
# The targets of make check after make test.
CHECKS      := fmt vet lint long race fips conformance templates deploy vuln
# The packages that need neither DynamoDB Local nor CDK.
PURE        := ./shared/app/... ./shared/casefold/... ./shared/scim/... ./shared/entra/... ./shared/directory/... \
	./shared/directorytest/... ./shared/provisioning/... ./shared/administration/... ./shared/follow/... ./shared/verify/... \
	./shared/scimapi/... ./shared/adminapi/... ./shared/reqlog/... ./shared/store/sqlite/...
# CDK for Go runs in Node, and warns of versions after their end of life.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 20

# go test with progress and a summary; it also fails when no test ran. `make vet` does the vetting.
TEST := $(GOTESTSUM) --format-hide-empty-pkg --hide-summary skipped \
	--post-run-command 'bash -c "((TESTS_TOTAL)) || { echo no test ran; exit 1; }"' -- -vet=off -timeout 30m $(if $(RUN),-run '$(RUN)')

.PHONY: help run man dynamodb deploy-local test cover golden fuzz bench check $(CHECKS) fmt-fix build synth \
	pylocks

help: ## show this list
	@awk -F':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Run

run: ## run the whole service on http://127.0.0.1:8080, data in rollcall.db (ARGS='--addr ... --data ...')
	@echo 'Building bin/rollcall; the first build on a machine takes a few minutes.'
	go build -ldflags "-X rollcall/shared/release.version=$$(git describe --tags --always --dirty)" -o bin/rollcall ./integration/rollcall
	bin/rollcall serve $(ARGS)

man: ## write manual pages of the rollcall command to dist/man
	go run ./integration/rollcall man dist/man

dynamodb: ## run DynamoDB Local until Ctrl-C (ARGS='-data folder' keeps the tables)
	go run ./integration/tools/dynamolocal/cmd/dynamolocal $(ARGS)

deploy-local: ## deploy the stacks to an AWS emulator, at http://127.0.0.1:8080 until Ctrl-C (ARGS='-addr ...')
	go run ./integration/tools/bundle $$(go env GOARCH)
	go run ./integration/deploy/cmd/deploylocal $(ARGS)

##@ Test

test: $(GOTESTSUM) ## the tests of the product, with Go and Java 17 (PKG=./shared/scim RUN=TestX for a part)
	go run ./integration/tools/dynamolocal/cmd/dynamolocal -fetch
	$(TEST) $(PKG)

cover: $(GOTESTSUM) ## test, with the coverage of shared/: the total, and dist/cover.html
	@mkdir -p dist
	$(TEST) -coverpkg ./shared/... -coverprofile dist/cover.out $(PKG)
	go tool cover -html dist/cover.out -o dist/cover.html && go tool cover -func dist/cover.out | tail -1

fmt-fix: ## run gofmt on all files
	gofmt -l -w .

golden: ## rewrite testdata/*.golden; review the difference as code
	go test $$(grep -rl --include='*_test.go' '"rollcall/shared/golden"' . | xargs -n1 dirname | sort -u) -update

fuzz: ## run each fuzz test for FUZZTIME (20s)
	@for p in $$(go list $(PKG)); do for f in $$(go test -list '^Fuzz' $$p | sed -n '/^Fuzz/p'); do echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p; done; done

bench: ## measure starts, round trips, units, costs and times; then run the micro-benchmarks of SCIM
	go run ./integration/tools/bundle $$(go env GOARCH)
	go run ./integration/bench
	go test -run '^$$' -bench . -benchmem ./shared/scim/...

##@ Check, as CI does (docs/testing.md)

check: test $(CHECKS) ## test, and all targets below

fmt: ## fail if gofmt would change a file
	@out=$$(gofmt -l .); test -z "$$out" || { printf 'run make fmt-fix for:\n%s\n' "$$out"; exit 1; }

vet: ## go vet, with and without the tests behind build tags
	go vet ./... && go vet -tags conformance,templates,deploy ./integration/... ./infra/...

lint: $(GOLANGCI) ## golangci-lint with .golangci.yml
	$(GOLANGCI) run ./...

long: $(GOTESTSUM) ## test, with the long proofs in full
	ROLLCALL_LONG=1 $(TEST) $(PKG)

race: $(GOTESTSUM) ## tests of shared/ under the race detector, in random order
	RAPID_CHECKS=5 $(TEST) -race -shuffle=on ./shared/...

fips: $(GOTESTSUM) ## unit tests with only FIPS 140-3 approved cryptography
	GODEBUG=fips140=only $(TEST) $(PURE)

conformance: $(GOTESTSUM) ## public SCIM and OpenAPI suites against a running service
	$(TEST) -tags conformance ./integration/conformance/... ./integration/tools/pytools/...

templates: $(GOTESTSUM) ## the stacks: CDK, cfn-lint, checkov and sam on both partitions' templates; no CDK in deployed code
	@deps=$$(go list -deps ./functions/... ./shared/...) && ! grep -E 'aws-cdk-go|jsii-runtime|constructs-go' <<<"$$deps" || { echo 'deployed code imports CDK, or go list failed'; exit 1; }
	$(TEST) -tags templates ./infra/...

deploy: $(GOTESTSUM) ## the stacks on an AWS emulator, provisioned by a simulated Entra
	go run ./integration/tools/bundle -again $$(go env GOARCH)
	$(TEST) -tags deploy ./integration/deploy/...

vuln: $(GOVULN) ## known vulnerabilities of our imports; "not run" if their database cannot be reached
	@rc=0; out=$$($(GOVULN) ./... 2>&1) || rc=$$?; printf '%s\n' "$$out"; case "$$rc $$out" in "0 "*) echo 'vuln: passed';; *'fetching vulnerabilities'*) echo 'vuln: not run, its database vuln.go.dev cannot be reached';; *) echo 'vuln: failed'; exit 1;; esac

##@ Build

build: ## build the functions for Lambda, dist/<architecture>/<name>/bootstrap (ARCHS='arm64 amd64')
	go run ./integration/tools/bundle $(ARCHS)

synth: build ## write the templates of both partitions to cdk.out (ARGS='-c key=value')
	go run ./infra $(ARGS)

pylocks: ## recompile the Python lock files from integration/tools/pytools/locks/*.in
	uv=$$(go run ./integration/tools/pytools/cmd/pytools uv)/uv; cd integration/tools/pytools/locks; for f in *.in; do "$$uv" pip compile -q --upgrade --generate-hashes --python-version 3.11 --custom-compile-command 'make pylocks' "$$f" -o "$${f%.in}.txt"; done

$(GOLANGCI):
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(GOTESTSUM):
	GOBIN=$(@D) go install gotest.tools/gotestsum@$(GOTESTSUM_VERSION)

$(GOVULN):
	GOBIN=$(@D) go install golang.org/x/vuln/cmd/govulncheck@$(GOVULN_VERSION)
