// Command results computes the accuracies of docs/results.md on real data, each by one
// ntk command line, and writes them down. A cell that is there is not computed again;
// stopped, it goes on where it was.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gontk/ntk/internal/durable"
)

func main() {
	ntk := flag.String("ntk", "bin/ntk", "the program")
	cells := flag.String("cells", "demo/results", "folder that has what each command wrote")
	out := flag.String("out", "docs/results.md", "the document")
	only := flag.String("only", "", "compute only cells whose names have this in them")
	write := flag.Bool("write", false, "compute nothing: write the document of what is there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *ntk, *cells, *out, *only, *write); err != nil {
		fmt.Fprintln(os.Stderr, "results:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, ntk, folder, out, only string, write bool) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	sets, err := uciSets(ctx)
	if err != nil {
		return err
	}
	all := append(imageCells(), uciCells(sets)...)
	failed := 0
	for i, c := range all {
		path := filepath.Join(folder, c.name+".json")
		if c.result, err = load(path, c); err != nil {
			return err
		}
		if c.result == nil && !write && strings.Contains(c.name, only) {
			fmt.Fprintf(os.Stderr, "results: %d of %d: %s\n", i+1, len(all), c.command())
			if c.result, err = compute(ctx, ntk, folder, path, c); ctx.Err() != nil {
				return fmt.Errorf("stopped at %s; the same command goes on", c.name)
			}
			if err != nil {
				failed++
				fmt.Fprintf(os.Stderr, "results: %s: %v\n", c.name, err)
			}
		}
		all[i] = c
	}
	text, err := document(all, sets)
	if err != nil {
		return err
	}
	if err := durable.Write(out, []byte(text)); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d cells failed", failed)
	}
	return nil
}
