# ntk: targets for users (demo, test) and for those who carry on the work.
GO      ?= go
NTK      = bin/ntk
OUT     ?= demo
export GOFLAGS ?= -mod=readonly

.PHONY: help build setup demo test test-long test-faults bench bench-peers bench-scaling results results-training results-ranking results-scale results-diagnosis results-cntk pictures cifar10 man lint clean
.DELETE_ON_ERROR:

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

build: ## build bin/ntk
	$(GO) build -o $(NTK) ./cmd/ntk

setup: build ## fetch the native libraries (XLA, OpenBLAS); without them pure Go serves
	@$(NTK) setup || echo "ntk: going on in pure Go: slower, same results" >&2

demo: setup ## the main job on real data: will a deep MLP and a residual CNN train?
	$(NTK) diagnose --model mlp --data digits --examples 64 --seeds 3 --depths 2,4,8,16,32 --out $(OUT)/mlp --force
	$(NTK) diagnose --model resnet-small --data digits --examples 64 --seeds 3 --depths 1,2,4 --out $(OUT)/resnet --force
	@printf '\nreports: %s\n' "$(OUT)/mlp/report.html $(OUT)/resnet/report.html"

test: ## what a change must pass
	$(GO) test -short -timeout 30m ./...

test-long: ## with the long oracles
	$(GO) test -timeout 90m ./...

test-faults: ## kills of processes, workers and servers, flipped bits, full and read-only disks, no plugin, no network: five minutes
	NTK_FAULTS=1 $(GO) test -count 1 -timeout 30m -run '^TestFaults' -v ./cmd

bench: ## benchmarks
	$(GO) test -run '^$$' -bench . -benchtime 3x ./...

bench-peers: setup ## times beside neural-tangents on this machine, one line a case; builds its environment once
	$(GO) run ./bench/peers $(PEERS)

bench-scaling: setup ## exponents of time in examples, outputs and width, beside those of plans: two minutes
	$(GO) run ./bench/scaling

results: setup ## docs/results.md: accuracies on real data; goes on where it was stopped; hours
	@for d in mnist cifar10 uci; do $(NTK) data fetch $$d; done
	$(GO) run ./bench/results -ntk $(NTK) -cells $(OUT)/results $(RESULTS)

results-scale: setup ## docs/scale.md: what the queue costs here, a simulation beside runs, and larger fleets: six minutes on an idle machine
	$(NTK) data fetch cifar10
	@mkdir -p $(OUT)
	$(GO) run ./bench/scale -ntk $(NTK) -keep $(OUT)/scale.json -commit "$$(git rev-parse --short HEAD)" $(SCALE)

results-training: setup ## tables of docs/training.md: trained MLPs beside their kernels, over widths; ten minutes
	$(GO) run ./bench/training -cells $(OUT)/training $(TRAINING)

results-ranking: setup ## table of docs/training.md: architectures ranked by kernels and by short training; ten minutes
	$(GO) run ./bench/ranking -ntk $(NTK) -cells $(OUT)/ranking $(RANKING)

results-diagnosis: setup ## tables of docs/diagnosis.md: verdicts against training, condition numbers against depth; ten minutes
	$(GO) run ./bench/diagnosis -cells $(OUT)/diagnosis $(DIAGNOSIS)

# Θ of 2000 + 500 images has 3.1 million pairs of images, of a million pairs of pixels.
results-cntk: cifar10 ## CIFAR-10 by an infinitely wide CNN of five layers, pooled: 2000 images, tested on 500; goes on where it was stopped; hours
	$(NTK) limit --model cnn-gap --depth 5 --data cifar10 --examples 2500 --shuffle 1 --dtype float32 --out $(OUT)/cntk --resume
	$(NTK) predict --kernel $(OUT)/cntk/ntk.npy --shuffle 1 --train cifar10 --examples 2000 --test-examples 500

# What is drawn: plain and residual networks, on the first 48 images of a random
# order. Deeper, cnn-gap wants --dtype float64.
mlp          = --model mlp --width 512 --depths 2,4,8,16
cnn          = --model cnn --width 32 --depths 2,4,8,16
cnn-gap      = --model cnn-gap --width 32 --depths 2,4,8
resnet-small = --model resnet-small --width 32 --depths 1,2,4,8
resnet-norm  = --model resnet-small --norm layer --width 32 --depths 1,2,4,8
DRAWN        = mlp cnn cnn-gap resnet-small resnet-norm

pictures: $(DRAWN:%=$(OUT)/pictures/%.json) ## docs/pictures: condition number and rate against depth on CIFAR-10, the mean-field limit
	@mkdir -p docs/pictures
	$(GO) run ./examples/meanfield docs/pictures
	$(GO) run ./examples/depth docs/pictures $^

$(OUT)/pictures/%.json: cifar10
	@mkdir -p $(@D)
	$(NTK) diagnose $($*) --data cifar10 --examples 48 --shuffle 1 --seeds 5 --outputs mean --json > $@

cifar10: setup
	$(NTK) data fetch cifar10

man: build ## manual pages in bin/man, one for each verb
	$(NTK) man bin/man

lint: ## gofumpt, vet, staticcheck
	@test -z "$$($(GO) tool -modfile=tools.mod gofumpt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) tool -modfile=tools.mod staticcheck ./...

clean: ## remove what the targets made
	rm -rf bin $(OUT)
