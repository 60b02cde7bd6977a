package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/gontk/ntk/bench/cells"
)

// An architecture is what is ranked: a network of the zoo whose limit is derived in
// seconds, which leaves out average pooling.
type architecture struct{ name, network, flags string }

var architectures = []architecture{
	{"MLP, 1 layer", "mlp", "--depth 1"},
	{"MLP, 3 layers", "mlp", "--depth 3"},
	{"MLP, 10 layers", "mlp", "--depth 10"},
	{"MLP of erf, 3 layers", "mlp", "--depth 3 --activation erf"},
	{"MLP of identity, 2 layers", "mlp", "--depth 2 --activation identity"},
	{"CNN, 1 layer", "cnn", "--depth 1"},
	{"CNN, 3 layers", "cnn", "--depth 3"},
	{"CNN, 8 layers", "cnn", "--depth 8"},
	{"CNN of erf, 3 layers", "cnn", "--depth 3 --activation erf"},
	{"MLP, 30 layers", "mlp", "--depth 30"},
	{"MLP of erf, 8 layers, σ_w = 3", "mlp", "--depth 8 --activation erf --w-std 3"},
	{"MLP of sin, 4 layers, σ_w = 3", "mlp", "--depth 4 --activation sin --w-std 3"},
}

const (
	trained, tested = 200, 800
	short, long     = 16, 400 // steps
	width, channels = 256, 32
	seeds           = 2
	data            = "--shuffle 1"
)

// A kernel has what is used of ntk/predict/1.
type kernel struct {
	Accuracy float64 `json:"accuracy"`
}

// A training has what is used of ntk/evolve/1.
type training struct {
	Result struct {
		Points []struct {
			Step    int `json:"step"`
			Network struct {
				Accuracy float64 `json:"test_accuracy"`
			} `json:"network"`
			Condition *float64 `json:"condition"`
			Exact     bool     `json:"condition_exact"`
		} `json:"points"`
	} `json:"result"`
}

func kernelCells(ntk string) []cells.Cell[kernel] {
	var all []cells.Cell[kernel]
	for i, a := range architectures {
		all = append(all, command[kernel](ntk, fmt.Sprintf("nngp-%02d", i+1),
			fmt.Sprintf("predict --kernel nngp:%s %s --train digits --examples %d --test-examples %d %s", a.network, a.flags, trained, tested, data)))
	}
	return all
}

func trainingCells(ntk string) []cells.Cell[training] {
	var all []cells.Cell[training]
	for i, a := range architectures {
		n := channels
		if a.network == "mlp" {
			n = width
		}
		for seed := range seeds {
			all = append(all, command[training](ntk, fmt.Sprintf("evolve-%02d-%d", i+1, seed+1),
				fmt.Sprintf("evolve --model %s %s --width %d --seed %d --data digits --examples %d --test-examples %d %s --at %d,%d --steps %d --optimizer momentum --probe 32 --outputs mean --linearized=false --prediction no",
					a.network, a.flags, n, seed+1, trained, tested, data, short, long, long)))
		}
	}
	return all
}

// command is a cell that runs ntk.
func command[T any](ntk, name, line string) cells.Cell[T] {
	args := strings.Fields(line)
	return cells.Cell[T]{Name: name, Args: args, Compute: func(ctx context.Context) (*T, error) {
		cmd := exec.CommandContext(ctx, ntk, append([]string{args[0], "--json"}, args[1:]...)...)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		err := cmd.Run()
		r := new(T)
		return r, errors.Join(err, json.Unmarshal(out.Bytes(), r))
	}}
}
