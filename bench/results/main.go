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
	"slices"
	"syscall"

	"github.com/gontk/ntk/bench/cells"
	"github.com/gontk/ntk/internal/durable"
)

func main() {
	ntk := flag.String("ntk", "bin/ntk", "the program")
	folder := flag.String("cells", "demo/results", "folder that has what each command wrote")
	out := flag.String("out", "docs/results.md", "the document")
	only := flag.String("only", "", "compute only cells whose names have this in them")
	write := flag.Bool("write", false, "compute nothing: write the document of what is there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *ntk, *folder, *out, *only, *write); err != nil {
		fmt.Fprintln(os.Stderr, "results:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, ntk, folder, out, only string, write bool) error {
	sets, err := uciSets(ctx)
	if err != nil {
		return err
	}
	all := slices.Concat(imageCells(), falkonCells(), uciCells(sets))
	kept := make([]cells.Cell[result], len(all))
	for i, c := range all {
		kept[i] = cells.Cell[result]{Name: c.name, Args: c.args, Compute: func(ctx context.Context) (*result, error) { return c.compute(ctx, ntk, folder) }}
	}
	failed, err := cells.Run(ctx, kept, cells.Options{Folder: folder, Only: only, Read: write, Progress: os.Stderr})
	if err != nil {
		return err
	}
	for i := range all {
		all[i].result = kept[i].Result
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
