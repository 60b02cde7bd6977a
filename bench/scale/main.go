// Scale measures what the queue of tiles costs on this machine, checks a
// simulation of it against runs of one, two and four workers, and writes what the
// simulation says of matrices and fleets that this machine does not have:
// docs/scale.md. It keeps measurements in a file, and goes on with them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/gontk/ntk/internal/durable"
	"github.com/gontk/ntk/internal/machine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// Measured is all that was measured, on one machine.
type Measured struct {
	Commit   string         `json:"commit"`
	Machine  string         `json:"machine"`
	Cores    int            `json:"cores"`
	Network  []string       `json:"network"`
	Block    int            `json:"block"`
	Examples int            `json:"examples"` // of Runs
	Fit      *Measurement   `json:"fit,omitempty"`
	Both     *Measurement   `json:"both,omitempty"` // as many workers as cores
	Runs     []*Measurement `json:"runs"`
	Capacity []Capacity     `json:"capacity"`
	// SubjectBytes is what the server holds in memory for each finished tile.
	SubjectBytes float64 `json:"subject_bytes"`
	// Whole is a matrix that was computed for real, if there is one.
	Whole *Whole `json:"whole,omitempty"`
}

// Whole is a run of gram --workers.
type Whole struct {
	Command string  `json:"command"`
	Seconds float64 `json:"seconds"`
	N       int     `json:"n"`
	Block   int     `json:"block"`
	Workers int     `json:"workers"`
}

const (
	fitExamples = 5 * block
	runExamples = 8 * block
	block       = 256
)

var network = []string{"--model", "cnn-gap", "--width", "16", "--data", "cifar10"}

func run(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	ntk := f.String("ntk", "bin/ntk", "the program")
	keep := f.String("keep", "demo/scale.json", "file of measurements; those that are there are not made again")
	out := f.String("out", "docs/scale.md", "the document")
	commit := f.String("commit", "", "the commit that is measured")
	whole := f.String("whole", "", "the output of gram --workers --json for a matrix that was computed for real")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	m, err := load(*keep)
	if err != nil {
		return err
	}
	if m.Commit == "" {
		m.Commit, m.Machine, m.Cores = *commit, machine.Describe().String(), runtime.NumCPU()
		m.Network, m.Block, m.Examples = network, block, runExamples
	}
	if err := m.complete(ctx, *ntk, func() error { return m.save(*keep) }); err != nil {
		return err
	}
	if *whole != "" {
		if m.Whole, err = loadWhole(*whole); err != nil {
			return err
		}
		if err := m.save(*keep); err != nil {
			return err
		}
	}
	text, err := m.document()
	if err != nil {
		return err
	}
	return durable.Write(*out, []byte(text))
}

// complete measures what is missing.
func (m *Measured) complete(ctx context.Context, ntk string, save func() error) error {
	measured := func(examples, workers int) (*Measurement, error) {
		fmt.Fprintf(os.Stderr, "scale: %d examples, %d workers\n", examples, workers)
		return measure(ctx, ntk, Job{m.Network, examples, m.Block}, workers, m.Cores)
	}
	for _, c := range []struct {
		into    **Measurement
		workers int
	}{{&m.Fit, 1}, {&m.Both, m.Cores}} {
		if *c.into != nil {
			continue
		}
		got, err := measured(fitExamples, c.workers)
		if err != nil {
			return err
		}
		*c.into = got
		if err := save(); err != nil {
			return err
		}
	}
	for i, workers := range []int{1, 2, 4} {
		if len(m.Runs) > i {
			continue
		}
		got, err := measured(m.Examples, workers)
		if err != nil {
			return err
		}
		m.Runs = append(m.Runs, got)
		if err := save(); err != nil {
			return err
		}
	}
	for i, c := range []struct{ block, grid int }{{256, 24}, {512, 14}, {1024, 8}} {
		if len(m.Capacity) > i {
			continue
		}
		fmt.Fprintf(os.Stderr, "scale: tiles of %d examples, as many as go through\n", c.block)
		got, err := capacity(ctx, c.block, c.grid)
		if err != nil {
			return err
		}
		m.Capacity = append(m.Capacity, got)
		if err := save(); err != nil {
			return err
		}
	}
	if m.SubjectBytes == 0 {
		var err error
		if m.SubjectBytes, err = subjectBytes(ctx, 200_000); err != nil {
			return err
		}
	}
	return save()
}

func load(path string) (*Measured, error) {
	m := &Measured{}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal(text, m)
	}
	if err != nil {
		return nil, fmt.Errorf("measurements: %w; remove %s to begin anew", err, path)
	}
	return m, nil
}

func (m *Measured) save(path string) error {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	return durable.Write(path, append(text, '\n'))
}

// loadWhole reads what gram --json says.
func loadWhole(path string) (*Whole, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var g struct {
		Command string  `json:"command"`
		Seconds float64 `json:"seconds"`
		Shape   []int   `json:"shape"`
		Plan    struct {
			Block int `json:"block"`
		} `json:"plan"`
	}
	if err := json.Unmarshal(text, &g); err != nil || len(g.Shape) == 0 {
		return nil, fmt.Errorf("%s is not what gram --json says (%w)", path, err)
	}
	w := &Whole{Command: g.Command, Seconds: g.Seconds, N: g.Shape[0], Block: g.Plan.Block}
	_, after, _ := strings.Cut(g.Command, "--workers")
	if _, err := fmt.Sscanf(strings.TrimLeft(after, " ="), "%d", &w.Workers); err != nil {
		return nil, fmt.Errorf("%s is of no run with --workers", path)
	}
	return w, nil
}
