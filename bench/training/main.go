// Command training trains MLPs of many widths beside what their kernels predict, and
// writes the tables of docs/training.md: how fast the kernel becomes a good guide as the
// width grows, and how it does not in the standard parameterization at one learning rate
// for all widths. A draw that is there is not computed again; stopped, it goes on.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/gontk/ntk/bench/cells"
	"github.com/gontk/ntk/internal/native"
)

func main() {
	folder := flag.String("cells", "demo/training", "folder that has what each draw gave")
	out := flag.String("out", "docs/training.md", "the document that has the tables")
	only := flag.String("only", "", "compute only cells whose names have this in them")
	write := flag.Bool("write", false, "compute nothing: write the tables of what is there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *out, cells.Options{Folder: *folder, Only: *only, Read: *write, Progress: os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "training:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, o cells.Options) error {
	l, err := newLab(ctx, protocol, native.Auto)
	if err != nil {
		return err
	}
	defer l.close()
	other, err := newLab(ctx, standard, native.Auto)
	if err != nil {
		return err
	}
	defer other.close()
	gaps, steps := l.gapCells(widths), other.stepCells(widths)
	failed, err := cells.Run(ctx, gaps, o)
	if err != nil {
		return err
	}
	more, err := cells.Run(ctx, steps, o)
	if err != nil {
		return err
	}
	if err := cells.Insert(out, "results-training", document(gaps, steps)); err != nil {
		return err
	}
	if failed += more; failed > 0 {
		return fmt.Errorf("%d cells failed", failed)
	}
	return nil
}
