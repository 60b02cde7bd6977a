package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/gontk/ntk/internal/data"
)

// A learner is a kernel with a method, or a network that is trained: a row of a table.
type learner struct {
	name, args string
	keep       bool
	trained    bool // by evolve
}

// imageLearners are compared on images. The CNN and the MLP are those of the zoo, ReLU
// without biases in the ntk parameterization: three layers of 3×3 convolutions, and of
// dense ones, read out over all positions (Flatten).
var imageLearners = []learner{
	{"linear, ridge", "--kernel linear", false, false},
	{"Gaussian, ridge", "--kernel gaussian", false, false},
	{"NNGP of an MLP, depth 3", "--kernel nngp:mlp --depth 3", true, false},
	{"NTK of an infinitely wide MLP, depth 3", "--kernel limit:mlp --depth 3", true, false},
	{"Θ of a CNN, width 32, depth 3, mean of 10 draws", "--kernel cnn --width 32 --depth 3 --draws 10", true, false},
	{"NTK of an infinitely wide CNN, depth 3", "--kernel limit:cnn --depth 3", true, false},
	{"CNN, width 32, depth 3, trained", fmt.Sprintf("--model cnn --width 32 --depth 3 --optimizer momentum --batch 50 --steps %[1]d --at %[1]d --linearized=false --prediction no --probe 16 --outputs mean", trainedSteps), false, true},
}

// trainedSteps of 50 examples are 50 passes through 1 000.
const trainedSteps = 1000

// subsets are the seeds of the order that examples are taken from.
var subsets = []int{1, 2, 3}

// imageSets are columns; of each subset one cell. Networks that are trained see the same
// examples, and are tested on others of the training set.
var imageSets = []struct{ name, args, trained string }{
	{"digits, 1000/797", "--train digits --examples 1000 --test-examples 797", "--data digits --examples 1000 --test-examples 797"},
	{"MNIST, 2000/2000", "--train mnist --test mnist-test --examples 2000 --test-examples 2000", "--data mnist --examples 2000 --test-examples 2000"},
	{"CIFAR-10, 2000/2000", "--train cifar10 --test cifar10-test --examples 2000 --test-examples 2000", "--data cifar10 --examples 2000 --test-examples 2000"},
}

func imageCells() []cell {
	var cells []cell
	for s, set := range imageSets { // small sets first
		for m, l := range imageLearners {
			for _, seed := range subsets {
				examples := set.args
				if l.trained {
					examples = set.trained
				}
				cells = append(cells, cell{
					name: fmt.Sprintf("images-%d-%d-%d", s+1, m+1, seed), table: "images", row: l.name, column: set.name,
					args: strings.Fields(fmt.Sprintf("%s %s --shuffle %d", l.args, examples, seed)), keep: l.keep, trained: l.trained,
				})
			}
		}
	}
	return cells
}

// uciLearners are compared by the protocol of the UCI sets.
var uciLearners = []learner{
	{"NTK, SVM", "--kernel limit:mlp --depths 1,2,3,4,5 --method svm", false, false},
	{"Gaussian, SVM", "--kernel gaussian --method svm --gamma 0.01,0.03,0.1,0.3,1,3,10", false, false},
	{"Gaussian, ridge", "--kernel gaussian --gamma 0.01,0.03,0.1,0.3,1,3,10", false, false},
}

// uciLargest bounds the sets that are compared on.
const uciLargest = 2000

// uciSets returns the names of the sets that are here and no larger.
func uciSets(ctx context.Context) ([]string, error) {
	names, err := data.UCINames()
	if err != nil {
		return nil, err
	}
	dir, err := data.DefaultDir()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range names {
		set, err := data.Open(ctx, "uci/"+name, data.Options{CacheDir: dir})
		if err != nil {
			return nil, err
		}
		if set.Len() <= uciLargest {
			out = append(out, name)
		}
	}
	return out, nil
}

func uciCells(sets []string) []cell {
	var cells []cell
	for _, set := range sets {
		for m, l := range uciLearners {
			cells = append(cells, cell{
				name: fmt.Sprintf("uci-%s-%d", set, m+1), table: "uci", row: set, column: l.name,
				args: strings.Fields(fmt.Sprintf("%s --train uci/%s --protocol uci", l.args, set)),
			})
		}
	}
	return cells
}
