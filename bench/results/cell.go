package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
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
	Version struct {
		NTK      string `json:"ntk"`
		Revision string `json:"revision"`
		GoMLX    string `json:"gomlx"`
		Go       string `json:"go"`
	} `json:"version"`
}

// compute runs a cell; kernels that were kept go then.
func (c cell) compute(ctx context.Context, ntk, folder string) (*result, error) {
	args := append([]string{"predict", "--json"}, c.args...)
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
	if err := json.Unmarshal(stdout.Bytes(), r); err != nil {
		return nil, err
	}
	if r.Version.Revision == "" { // a program built without a stamp, as in a work tree
		r.Version.Revision = cells.Revision(ctx)
	}
	if c.keep {
		return r, os.RemoveAll(kernels)
	}
	return r, nil
}
