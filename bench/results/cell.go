package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/gontk/ntk/bench/cells"
)

// A cell is one number of a table.
type cell struct {
	name        string // of its file
	table       string
	row, column string
	args        []string
	keep        bool // kernels of draws or limits are kept while it is computed
	trained     bool // by evolve, not by predict
	result      *result
}

// A result is what a cell uses of ntk/predict/1.
type result struct {
	Accuracy float64 `json:"accuracy"`
	Error    float64 `json:"accuracy_error"`
	Chosen   struct {
		Gamma float64 `json:"gamma"`
		Depth int     `json:"depth"`
		Ridge float64 `json:"ridge"`
		C     float64 `json:"c"`
	} `json:"chosen"`
	Seconds float64 `json:"seconds"`
	PeakRSS int64   `json:"peak_rss"` // bytes, of the process
	Version struct {
		NTK      string `json:"ntk"`
		Revision string `json:"revision"`
		GoMLX    string `json:"gomlx"`
		Go       string `json:"go"`
	} `json:"version"`
}

// compute runs a cell; kernels that were kept go then.
func (c cell) compute(ctx context.Context, ntk, folder string) (*result, error) {
	verb := "predict"
	if c.trained {
		verb = "evolve"
	}
	args := append([]string{verb, "--json"}, c.args...)
	kernels := filepath.Join(folder, c.name+".kernel")
	if c.keep {
		args = append(args, "--resume", "--out", kernels)
	}
	cmd := exec.CommandContext(ctx, ntk, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it finishes what it is at
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	r := new(result)
	var err error
	if c.trained {
		err = r.ofTraining(stdout.Bytes())
	} else {
		err = json.Unmarshal(stdout.Bytes(), r)
	}
	if err != nil {
		return nil, err
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && runtime.GOOS == "linux" {
		r.PeakRSS = usage.Maxrss << 10
	}
	if r.Version.Revision == "" { // a program built without a stamp, as in a work tree
		r.Version.Revision = cells.Revision(ctx)
	}
	if c.keep {
		return r, os.RemoveAll(kernels)
	}
	return r, nil
}

// ofTraining reads ntk/evolve/1: the accuracy at the last step.
func (r *result) ofTraining(text []byte) error {
	var of struct {
		Result struct {
			Tested int `json:"test_examples"`
			Points []struct {
				Network struct {
					Accuracy float64 `json:"test_accuracy"`
				} `json:"network"`
			} `json:"points"`
			Elapsed float64 `json:"elapsed_ns"`
		} `json:"result"`
	}
	if err := errors.Join(json.Unmarshal(text, r), json.Unmarshal(text, &of)); err != nil {
		return err
	}
	if len(of.Result.Points) == 0 || of.Result.Tested == 0 {
		return errors.New("evolve measured nothing")
	}
	p := of.Result.Points[len(of.Result.Points)-1].Network.Accuracy
	r.Accuracy, r.Error = p, math.Sqrt(p*(1-p)/float64(of.Result.Tested))
	r.Seconds = of.Result.Elapsed / 1e9
	return nil
}
