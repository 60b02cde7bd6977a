// Command diagnosis compares the verdict of diagnose with a short training, over a grid
// of networks: thresholds are fixed on half of them and tried on the other half. It
// writes the tables of docs/diagnosis.md. A network that is there is not computed again.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/gontk/ntk/bench/cells"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
)

func main() {
	folder := flag.String("cells", "demo/diagnosis", "folder that has what each network gave")
	out := flag.String("out", "docs/diagnosis.md", "the document that has the tables")
	only := flag.String("only", "", "compute only networks whose names have this in them")
	write := flag.Bool("write", false, "compute nothing: write the tables of what is there")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *out, cells.Options{Folder: *folder, Only: *only, Read: *write, Progress: os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "diagnosis:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, o cells.Options) error {
	l := &lab{}
	var err error
	if l.set, err = data.Open(ctx, "digits", data.Options{Examples: examples, Seed: 1}); err != nil {
		return err
	}
	if l.backend, err = native.Open(native.Options{Warn: func(text string) { fmt.Fprintln(os.Stderr, text) }}); err != nil {
		return err
	}
	defer l.backend.Close()
	if l.blas, err = native.DefaultBLAS("", func(string) {}); err != nil {
		return err
	}
	verdicts := l.verdictCells()
	failed, err := cells.Run(ctx, verdicts, o)
	if err != nil {
		return err
	}
	conditions := l.conditionCells()
	more, err := cells.Run(ctx, conditions, o)
	if err != nil {
		return err
	}
	if err := cells.Insert(out, "results-diagnosis", document(ctx, verdicts)); err != nil {
		return err
	}
	if err := cells.Insert(out, "results-conditions", conditionDocument(ctx, conditions)); err != nil {
		return err
	}
	if failed += more; failed > 0 {
		return errors.New(fmt.Sprint(failed, " networks failed"))
	}
	return nil
}
