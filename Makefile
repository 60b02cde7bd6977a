# ntk: targets for users (demo, test) and for those who carry on the work.
GO      ?= go
NTK      = bin/ntk
OUT     ?= demo
export GOFLAGS ?= -mod=readonly

.PHONY: help build setup demo test test-long bench lint clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

build: ## build bin/ntk
	$(GO) build -o $(NTK) ./cmd/ntk

setup: build ## fetch the native libraries (XLA, OpenBLAS); without them pure Go serves
	@$(NTK) setup || echo "ntk: going on in pure Go: slower, same results" >&2

demo: setup ## the main job on real data: will a deep MLP and a residual CNN train?
	$(NTK) diagnose --model mlp --data digits --examples 64 --seeds 3 --depths 2,4,8,16,32 --out $(OUT)/mlp --force
	$(NTK) diagnose --model resnet-small --data digits --examples 64 --seeds 3 --depths 1,2,4 --out $(OUT)/resnet --force
	@echo "reports: $(OUT)/mlp/report.html $(OUT)/resnet/report.html"

test: ## what a change must pass
	$(GO) test -short -timeout 30m ./...

test-long: ## with the long oracles
	$(GO) test -timeout 90m ./...

bench: ## benchmarks
	$(GO) test -run '^$$' -bench . -benchtime 3x ./...

lint: ## gofumpt, vet, staticcheck
	@test -z "$$($(GO) tool -modfile=tools.mod gofumpt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) tool -modfile=tools.mod staticcheck ./...

clean: ## remove what the targets made
	rm -rf bin $(OUT)
