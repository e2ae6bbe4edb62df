# The targets below are all there is to building and checking Usher; `make` alone lists them.
# They need Go, git and a POSIX shell; what else they need, Go fetches.

VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS = -s -w -X main.version=$(VERSION)

# The race detector needs cgo, which Go switches off where it finds no C compiler. CI insists on it.
RACE = $(if $(CI)$(filter 1,$(shell go env CGO_ENABLED)),-race)

# How long `make fuzz` spends on each target, and what `make run` hands to `usher serve`.
FUZZTIME = 10s
ARGS =

# What the console is built from.
WEB = $(shell find web clients/js/src \( -name node_modules -o -name gql -o -name e2e \) -prune -o -type f -print) schema.graphqls
CONSOLE = internal/console/dist/index.html

.PHONY: help run build console generate test e2e fuzz bench bench-profile bench-test cover lint lint-go lint-mod lint-generated lint-files vuln clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## start a development server on http://127.0.0.1:8080 (ARGS="--listen …")
	bin/usher serve --dev $(ARGS)

build: $(CONSOLE) ## build the program: bin/usher
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/usher ./cmd/usher

console: $(CONSOLE) ## build the page that build embeds (needs Node.js)

$(CONSOLE): $(WEB)
	@if ! command -v npm >/dev/null; then \
		echo 'Node.js is not there, so the program is built without its console page' >&2; \
	elif ! (cd web && npm ci --no-audit --no-fund && npm run build); then \
		rm -rf internal/console/dist/*; \
		echo 'WARNING: the console page could not be built, see above$(if $(CI),,; the program is built WITHOUT it)' >&2; \
		$(if $(CI),exit 1;) \
	fi

generate: ## bring the generated code up to date with schema.graphqls
	go tool gqlgen generate

test: ## run every test, on SQLite and on PostgreSQL
	go test $(RACE) $(if $(CI),-count=1 -shuffle=on) -timeout 10m ./...
	$(if $(RACE),,@echo 'WARNING: tested WITHOUT the race detector: it needs a C compiler, and Go found none' >&2)

e2e: $(CONSOLE) ## run the tests that drive the real program with real clients (needs Node.js)
	go test -tags e2e -count=1 -timeout 20m ./internal/e2e/...

fuzz: ## fuzz every target for a short while (FUZZTIME=1m)
	@grep -rHo '^func Fuzz[[:alnum:]_]*' --include='*_test.go' cmd graph internal | \
	while IFS=: read -r file func; do \
		echo "== $${file%/*} $${func#func }"; \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "./$${file%/*}" || exit 1; \
	done

bench: build ## measure the program against its goals: a table, bench/results.json (SHORT=1: in 90 s)
	go run -C bench . $(if $(SHORT),-short,-plots ../docs/performance)

bench-profile: ## leave pprof profiles of the program under load in bench/profile
	go build -tags profile -o bin/usher-profile ./cmd/usher
	go run -C bench . -usher ../bin/usher-profile -profile profile

bench-test: ## test the bench itself, which is a module of its own
	go test -C bench $(if $(CI),-count=1) ./...

cover: ## measure what the tests cover: coverage.html
	go test -coverpkg=./... -coverprofile=coverage.all ./...
	@grep -vE '/(generated|models_gen)\.go:' coverage.all >coverage.out
	@go tool cover -html=coverage.out -o coverage.html
	@go tool cover -func=coverage.out | tail -n 1

lint: lint-files lint-mod lint-generated lint-go ## check style, layers, go.mod, and that generated code is current

lint-go:
	go vet -tags e2e ./...
	go tool -modfile=.ci/tools/go.mod golangci-lint run
	go vet -C bench ./...
	cd bench && go tool -modfile=../.ci/tools/go.mod golangci-lint run

lint-mod:
	go mod tidy -diff
	go mod tidy -C bench -diff

# In a copy, so that a stale file is shown rather than repaired.
lint-generated:
	@echo 'go tool gqlgen generate, in a copy'
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && \
	tar -cf - --exclude node_modules go.mod go.sum gqlgen.yml schema.graphqls graph internal | tar -xf - -C "$$copy" && \
	(cd "$$copy" && go tool gqlgen generate) && \
	diff -ru graph "$$copy/graph" && \
	cp -r bench "$$copy" && (cd "$$copy/bench" && go generate ./bare) && diff -ru bench "$$copy/bench" || { echo 'generated code is stale: run make generate' >&2; exit 1; }

# Against the empty tree, git checks every line; only scripts may be executable.
lint-files:
	git diff --check "$$(git hash-object -t tree /dev/null)" -- . ':!*/testdata/*'
	@git ls-files --stage | awk -F '\t' '/^100755/ { print $$2 }' | while read -r file; do \
		head -n 1 "$$file" | grep -q '^#!' || { echo "$$file: executable, but not a script" >&2; exit 1; }; \
	done

vuln: ## look for known vulnerabilities (needs the Internet, so CI does without)
	go run golang.org/x/vuln/cmd/govulncheck@v1.8.0 ./...

clean: ## remove what the targets above made; data/ stays
	rm -rf bin coverage.* internal/console/dist/*
