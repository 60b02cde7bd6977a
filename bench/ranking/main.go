// Command ranking ranks architectures by what is known of them before training, by the
// accuracy of their NNGP kernel and the condition number of Θ, and by a short training,
// compares the rankings with that after a long training by Kendall's τ, and writes the
// table of docs/training.md. Each number comes from one ntk command line; one that is
// there is not computed again.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/gontk/ntk/bench/cells"
)

func main() {
	ntk := flag.String("ntk", "bin/ntk", "the program")
	folder := flag.String("cells", "demo/ranking", "folder that has what each command gave")
	out := flag.String("out", "docs/training.md", "the document that has the table")
	only := flag.String("only", "", "compute only cells whose names have this in them")
	write := flag.Bool("write", false, "compute nothing: write the table of what is there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *ntk, *out, cells.Options{Folder: *folder, Only: *only, Read: *write, Progress: os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "ranking:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, ntk, out string, o cells.Options) error {
	kernels, trainings := kernelCells(ntk), trainingCells(ntk)
	failed, err := cells.Run(ctx, kernels, o)
	if err != nil {
		return err
	}
	more, err := cells.Run(ctx, trainings, o)
	if err != nil {
		return err
	}
	text, err := document(ctx, kernels, trainings)
	if err != nil {
		return err
	}
	if err := cells.Insert(out, "results-ranking", text); err != nil {
		return err
	}
	if failed += more; failed > 0 {
		return fmt.Errorf("%d cells failed", failed)
	}
	return nil
}
