package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/gontk/ntk/internal/durable"
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
	Args     []string `json:"args"` // of the cell, added here
	Accuracy float64  `json:"accuracy"`
	Error    float64  `json:"accuracy_error"`
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

// command is the cell as a reader repeats it.
func (c cell) command() string { return "ntk predict " + strings.Join(c.args, " ") }

// load returns what an earlier run left of a cell, nil if there is nothing or if the
// cell has another command line now.
func load(path string, c cell) (*result, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := new(result)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to compute it again", path, err)
	}
	if !slices.Equal(r.Args, c.args) {
		return nil, nil
	}
	return r, nil
}

// compute runs a cell and keeps its result; kernels that were kept go then.
func compute(ctx context.Context, ntk, folder, path string, c cell) (*result, error) {
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
	r.Args = c.args
	if r.Version.Revision == "" { // a program built without a stamp, as in a work tree
		r.Version.Revision = revision(ctx)
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := durable.Write(path, append(text, '\n')); err != nil {
		return nil, err
	}
	if c.keep {
		return r, os.RemoveAll(kernels)
	}
	return r, nil
}

// revision is the commit of the folder that this runs in, empty if it is none.
func revision(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
