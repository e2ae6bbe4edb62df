# The targets that build and check Usher. Run `make` to list them.
# They need Go, git and a POSIX shell. Go downloads all other tools.

VERSION = $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS = -s -w -X main.version=$(VERSION)

# The race detector needs cgo, which Go disables if there is no C compiler. CI always uses the race detector.
# It skips SQLite's own code, which is translated from C: the detector does not see that code's memory, which is outside
# of Go's heap, apart from its global variables. The driver and the C library around that code are checked.
# It also skips the reading of the command line, which kong does with regular expressions before anything runs beside it.
# Each of the 600 commands in the tests of cmd/usher would take another 0.1 s.
UNRACED = regexp regexp/syntax github.com/alecthomas/kong
RACE = $(if $(CI)$(filter 1,$(shell go env CGO_ENABLED)),-race -gcflags='modernc.org/sqlite/lib=-race=false -d=checkptr=0' \
	$(UNRACED:%=-gcflags='%=-race=false') -exec 'env $(RACED)')

# With the race detector, collecting garbage takes a fifth of the time of the tests unless it runs less often, and each
# test program sleeps for 1 s before it ends. This is not for the compiler, which also reads GOGC.
RACED = GOGC=400 GORACE=atexit_sleep_ms=0

# FUZZTIME is the duration of each fuzz target in `make fuzz`. ARGS are flags of `usher serve` in `make run`.
FUZZTIME = 10s
ARGS =

# The sources of the console. Those in web/src/gql are generated from its operations and the schema.
WEB = $(shell find web clients/js/src \( -name node_modules -o -name gql -o -name e2e \) -prune -o -type f -print)
CONSOLE = internal/console/dist/index.html

.PHONY: help run build console generate test e2e ha fuzz bench bench-profile scaling bench-test cover release release-test lint lint-go lint-mod lint-generated lint-files vuln clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## start a development server on http://127.0.0.1:8080 (ARGS="--listen …")
	bin/usher serve --dev $(ARGS)

build: $(CONSOLE) ## build the program: bin/usher
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/usher ./cmd/usher

console: $(CONSOLE) ## build the web console, which build embeds (needs Node.js)

# A new schema is compared with the console's operations. The console is built again only if their types changed.
$(CONSOLE): $(WEB) schema.graphqls
	@if ! command -v npm >/dev/null; then \
		echo 'WARNING: Node.js is not installed; the program is built WITHOUT the console' >&2; \
	elif ! sh web/build.sh $@; then \
		rm -rf internal/console/dist/*; \
		echo 'WARNING: the build of the console failed, see above$(if $(CI),,; the program is built WITHOUT the console)' >&2; \
		$(if $(CI),exit 1;) \
	fi

generate: ## regenerate the code that depends on schema.graphqls
	go tool gqlgen generate

test: ## run all tests on SQLite and PostgreSQL
	go test $(RACE) $(if $(CI),-count=1 -shuffle=on) -timeout 20m ./...
	$(if $(RACE),,@echo 'WARNING: tested WITHOUT the race detector, which needs a C compiler' >&2)

e2e: $(CONSOLE) ## test the program with real clients and a browser (needs Node.js)
	go test -tags e2e -count=1 -timeout 30m ./internal/e2e/...
	go test -tags ha -count=1 -timeout 10m ./internal/ha

ha: ## test all faults of a PostgreSQL cluster: as root, on Debian 12 (20 min)
	go test -tags ha -count=1 -timeout 60m -v ./internal/ha -full

fuzz: ## run every fuzz target for a short time (FUZZTIME=1m)
	@grep -rHo '^func Fuzz[[:alnum:]_]*' --include='*_test.go' cmd graph internal | \
	while IFS=: read -r file func; do \
		echo "== $${file%/*} $${func#func }"; \
		go test -run '^$$' -fuzz "^$${func#func }$$" -fuzztime $(FUZZTIME) "./$${file%/*}" || exit 1; \
	done

bench: build ## benchmark the program against its goals, write bench/results.json (SHORT=1: in 5 min)
	go run -C bench . $(if $(SHORT),-short,-plots ../docs/performance)

bench-profile: ## write pprof profiles of the program under load to bench/profile
	go build -tags profile -o bin/usher-profile ./cmd/usher
	go run -C bench . -usher ../bin/usher-profile -profile profile

scaling: build ## measure and compute the tables of docs/scaling.md (SHORT=1: in 1 min)
	go run -C bench . scaling $(if $(SHORT),-short)

bench-test: ## test the bench, which is a separate module
	go test -C bench $(if $(CI),-count=1) ./...

# The version of Go is part of what makes a release the same everywhere. The Dockerfile has it too.
release: ## build the archives of the tag of this commit: dist/ (needs Node.js)
	rm -rf internal/console/dist/*
	$(MAKE) CI=true console
	GOTOOLCHAIN=go$$(sed -n 's/^ARG GO_VERSION=//p' Dockerfile) go run -C .ci/release . -out ../../dist

release-test: ## test the release, which is a separate module
	go test -C .ci/release $(if $(CI),-count=1) ./...

cover: ## measure test coverage: coverage.html
	go test -coverpkg=./... -coverprofile=coverage.all ./...
	@grep -vE '/(generated|models_gen)\.go:' coverage.all >coverage.out
	@go tool cover -html=coverage.out -o coverage.html
	@go tool cover -func=coverage.out | tail -n 1

lint: lint-files lint-mod lint-generated lint-go ## check style, layers, go.mod and generated code

lint-go:
	go vet -tags e2e,ha ./...
	go tool -modfile=.ci/tools/go.mod golangci-lint run
	go vet -C bench ./...
	cd bench && go tool -modfile=../.ci/tools/go.mod golangci-lint run
	go vet -C .ci/release ./...
	cd .ci/release && go tool -modfile=../tools/go.mod golangci-lint run

lint-mod:
	go mod tidy -diff
	go mod tidy -C bench -diff
	go mod tidy -C .ci/release -diff

# This generates into a copy, so that it reports a stale file without changing it.
lint-generated:
	@echo 'go tool gqlgen generate, in a copy'
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && \
	tar -cf - --exclude node_modules go.mod go.sum gqlgen.yml schema.graphqls graph internal | tar -xf - -C "$$copy" && \
	(cd "$$copy" && go tool gqlgen generate) && \
	diff -ru graph "$$copy/graph" && \
	cp -r bench "$$copy" && (cd "$$copy/bench" && go generate ./bare) && diff -ru bench "$$copy/bench" || { echo 'generated code is out of date: run make generate' >&2; exit 1; }

# git checks every line because it compares with the empty tree. Only scripts may be executable.
lint-files:
	git diff --check "$$(git hash-object -t tree /dev/null)" -- . ':!*/testdata/*'
	@git ls-files --stage | awk -F '\t' '/^100755/ { print $$2 }' | while read -r file; do \
		head -n 1 "$$file" | grep -q '^#!' || { echo "$$file: executable but not a script" >&2; exit 1; }; \
	done

vuln: ## check for known vulnerabilities (needs the Internet, so not in CI)
	go run golang.org/x/vuln/cmd/govulncheck@v1.8.0 ./...

clean: ## remove the output of the targets above, but not data/
	rm -rf bin dist coverage.* internal/console/dist/*
