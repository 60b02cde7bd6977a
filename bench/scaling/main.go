// Scaling measures how the time of Θ grows with the examples, the outputs and
// the width of an MLP and a CNN, and compares the exponents with those of the
// plan: FLOPs of cotangents and Jacobians, seconds expected for contracting
// them. It prints two lines a sweep, everything else on standard error.
//
// Both sides are fits of powers to the same sizes, ± twice the standard error: a
// plan's exponent has an error too where it is a sum of powers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	runs, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(2)
	}
	if err := run(ctx, runs, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "scaling:", err)
		os.Exit(1)
	}
}

// parse reads the flags; usage goes to out.
func parse(args []string, out io.Writer) (runs int, err error) {
	f := flag.NewFlagSet("scaling", flag.ContinueOnError)
	f.SetOutput(out)
	f.IntVar(&runs, "runs", 5, "timed runs of each size, of which the fastest counts")
	if err := f.Parse(args); err != nil {
		return 0, err
	}
	if f.NArg() > 0 {
		return 0, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if runs < 1 {
		return 0, fmt.Errorf("-runs is %d, want at least 1", runs)
	}
	return runs, nil
}

func run(ctx context.Context, runs int, out, progress io.Writer) error {
	backend, err := native.Open(native.Options{Backend: native.XLA})
	if err != nil {
		return fmt.Errorf("%w (run \"ntk setup\" first)", err)
	}
	defer backend.Close()
	_, _ = fmt.Fprintf(progress, "%s\n%s\n", machine.Describe(), backend)
	for _, s := range sweeps {
		points, err := s.measure(ctx, backend.GoMLX, runs)
		if err != nil {
			return err
		}
		for i, p := range points {
			_, _ = fmt.Fprintf(progress, "  %s %s %g: cotangents %.4g s, contraction %.4g s of %.4g s planned\n",
				s.network, s.variable, s.x()[i], p.cotangents, p.contraction, p.predicted)
		}
		if _, err := fmt.Fprint(out, s.lines(points)); err != nil {
			return err
		}
	}
	return nil
}
