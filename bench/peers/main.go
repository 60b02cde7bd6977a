// Peers times Θ beside neural-tangents on the same machine, with the same
// weights and inputs, and compares the results. It prints one line per case
// (result.String says what it means), everything else on standard error, and
// exits with 1 if a case fails or the results differ.
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
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(2)
	}
	if err := c.run(ctx, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// command is a parsed command line.
type command struct {
	cases        []benchmark
	runs         int
	venv, python string
	dtype        dtypes.DType
	limit        time.Duration
}

// minRuns is the fewest runs that a median is taken of.
const minRuns = 5

// parse reads the flags; usage goes to out.
func parse(args []string, out io.Writer) (command, error) {
	var c command
	f := flag.NewFlagSet("peers", flag.ContinueOnError)
	f.SetOutput(out)
	list := f.String("cases", caseNames(), "cases, with commas between")
	f.IntVar(&c.runs, "runs", 7, "timed runs of each side, at least 5")
	f.StringVar(&c.venv, "venv", "", "folder of the virtual environment, built if missing (default: in ntk's cache folder)")
	f.StringVar(&c.python, "python", "", "Python to build it with (default: python"+pythonVersion+")")
	dtype := f.String("dtype", "float32", "float32 or float64")
	f.DurationVar(&c.limit, "limit", 20*time.Second, "implementations of the peer that take longer for a run are left out")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if f.NArg() > 0 {
		return c, fmt.Errorf("unexpected argument %q; cases are given as -cases %s", f.Arg(0), caseNames())
	}
	switch *dtype {
	case "float32":
		c.dtype = dtypes.Float32
	case "float64":
		c.dtype = dtypes.Float64
	default:
		return c, fmt.Errorf("-dtype is %q, want float32 or float64", *dtype)
	}
	if c.runs < minRuns {
		return c, fmt.Errorf("-runs is %d, want at least %d", c.runs, minRuns)
	}
	if c.limit <= 0 {
		return c, fmt.Errorf("-limit is %v, want a positive time", c.limit)
	}
	var err error
	c.cases, err = chosen(*list)
	return c, err
}

// run measures the cases one after the other. A case that fails does not keep
// the next ones from running.
func (c command) run(ctx context.Context, out, progress io.Writer) error {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(progress, format+"\n", args...) }
	if c.venv == "" {
		var err error
		if c.venv, err = defaultVenv(); err != nil {
			return err
		}
	}
	python, err := venv(ctx, c.venv, c.python, progress)
	if err != nil {
		return err
	}
	backend, err := native.Open(native.Options{Backend: native.XLA})
	if err != nil {
		return fmt.Errorf("%w (run \"ntk setup\" first)", err)
	}
	defer backend.Close()
	blas, err := native.DefaultBLAS("", func(s string) { say("%s", s) })
	if err != nil {
		return err
	}
	rate, err := gemmRate(blas, c.dtype)
	if err != nil {
		return err
	}
	say("%s", machine.Describe())
	say("ours: %s; %s", backend, blas)
	say("peer: neural-tangents %s on jax %s, jaxlib %s", pins["neural-tangents"], pins["jax"], pins["jaxlib"])
	say("GEMM of 2048³ in %s: %.0f GFLOP/s", c.dtype, rate/1e9)
	m := comparison{backend.GoMLX, python, c.dtype, c.runs, c.limit, rate, progress}
	var failures []error
	for _, b := range c.cases {
		r, err := m.measure(ctx, b)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", b.name, err))
			continue
		}
		if _, err := fmt.Fprintln(out, r); err != nil {
			return err
		}
		if !r.agrees() {
			failures = append(failures, fmt.Errorf("%s: the results differ by %.1e of the largest entry, more than %.0e", b.name, r.difference, r.tolerance))
		}
	}
	return errors.Join(failures...)
}
