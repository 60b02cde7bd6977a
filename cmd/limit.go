package cmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/spf13/cobra"

	"github.com/gontk/ntk/limits"
)

// limitFlags are those of the verb limit.
type limitFlags struct {
	network networkFlags
	data    dataFlags
	compute computeFlags // memory and dtype alone
	out     string
	block   int
	force   bool
	resume  bool
	explain bool
	signal  bool
}

func (a *app) limitVerb() *cobra.Command {
	l := &limitFlags{}
	c := &cobra.Command{
		Use:   "limit",
		Short: "derive the infinite-width K and Θ of a network",
		Long: `limit derives the kernels of the infinitely wide network from the network itself
and writes K(x, x) and Θ(x, x), tile by tile, to nngp.npy and ntk.npy in --out,
with manifest.json. A run that was stopped goes on with --resume. --explain
prints the recursion that was derived, and does nothing else; --signal what its
steps W φ(z) + b do to variances and correlations: fixed points, depth scales, and
the edge of chaos of its activations. A network without a
limit, or with an op that no rule covers, is refused: the op, its source line and
the reason are named.`,
		Example: examples(a.program, "limit --model mlp --data digits --examples 100 --out limit",
			"limit --model mlp --data digits --examples 100 --out limit --resume",
			"limit --model cnn-gap --explain",
			"limit --model mlp --activation tanh --w-std 1.3 --b-std 0.2 --signal"),
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.limit(c, l) },
	}
	l.network.register(c)
	l.data.register(c)
	f := c.Flags()
	f.StringVar(&l.compute.memory, "memory", "", "memory budget, such as 4GiB (default: half of what is allowed)")
	f.StringVar(&l.compute.dtype, "dtype", "float64", "arithmetic: float64, or float32, many times faster where the limit has a compiled form (--explain says)")
	f.IntVar(&l.block, "block", 0, "examples on a side of a tile (default: as many as take some seconds)")
	f.StringVar(&l.out, "out", "", "folder for nngp.npy, ntk.npy and manifest.json")
	f.BoolVar(&l.force, "force", false, "replace the results in --out")
	f.BoolVar(&l.resume, "resume", false, "go on with what is in --out")
	f.BoolVar(&l.explain, "explain", false, "print the recursion and stop")
	a.registerDryRun(c)
	f.BoolVar(&l.signal, "signal", false, "print variance and correlation maps' fixed points and edges of chaos, and stop")
	return c
}

func (a *app) limit(c *cobra.Command, l *limitFlags) error {
	ctx := c.Context()
	if err := l.network.check(c); err != nil {
		return err
	}
	if err := l.data.check(); err != nil {
		return err
	}
	if err := oneOf("dtype", l.compute.dtype, "float32", "float64"); err != nil {
		return err
	}
	budget, err := l.compute.budget()
	if err != nil {
		return err
	}
	switch {
	case l.block < 0:
		return usagef("--block %d: want at least 1", l.block)
	case l.explain && l.signal:
		return usagef("--explain and --signal: give one of them")
	case l.out == "" && !l.explain && !l.signal:
		return usagef("--out is missing: the folder that nngp.npy and ntk.npy go to; or --explain, or --signal")
	case l.force && l.resume:
		return usagef("--force and --resume: give one of them")
	}
	set, err := a.load(ctx, &l.data, l.data.data, budget)
	if err != nil {
		return err
	}
	source, set, err := a.networkOn(&l.network, &l.data, set)
	if err != nil {
		return err
	}
	model, err := source.Build(l.network.depth, set.Shape[1:], set.Classes)
	if err != nil {
		return err
	}
	shape := shapes.Make(dtypes.Float64, set.Shape[1:]...)
	derived, err := limits.Derive(mlctx.New(), model, []shapes.Shape{shape}, limits.Options{})
	if err != nil {
		var r *limits.Refusal
		if errors.As(err, &r) {
			r.MonteCarlo = a.monteCarloCommand(l)
		}
		return err
	}
	for _, w := range derived.Warnings {
		a.notice(w)
	}
	a.flushNotices()
	if l.explain {
		if a.json {
			return a.printJSON(recursion{"ntk/recursion/1", a.command(), source.Name, derived.Explain()})
		}
		_, err := fmt.Fprint(a.stdout, derived.Explain())
		return err
	}
	if l.signal {
		return a.printSignal(source.Name, derived)
	}
	if a.dryRun {
		return a.dryLimit(ctx, l, set, source, derived, budget)
	}
	return a.computeLimit(ctx, l, set, source, derived, budget)
}

// monteCarloCommand is this command line for what has no limit: over widths where
// networks of several widths can be built, else Θ of 32 seeds.
func (a *app) monteCarloCommand(l *limitFlags) string {
	verb, drop := "compare", []string{"--explain", "--signal", "--block", "--resume", "--width"}
	if a.isOwn(l.network.model) || isONNX(l.network.model) {
		verb, drop = "diagnose", drop[:4]
	}
	b := *a
	b.args = nil
	for i := 0; i < len(a.args); i++ {
		name, _, joined := strings.Cut(a.args[i], "=")
		switch {
		case slices.Contains(drop, name):
			if !joined && (name == "--block" || name == "--width") {
				i++ // its value
			}
		case a.args[i] == "limit" && !slices.Contains(b.args, verb):
			b.args = append(b.args, verb)
		default:
			b.args = append(b.args, a.args[i])
		}
	}
	b.args = append(b.args, "--seeds", "32")
	if l.out == "" {
		b.args = append(b.args, "--out", "DIR")
	}
	return b.command()
}

// recursion is what limit --explain prints with --json.
type recursion struct {
	Schema  string `json:"schema"`
	Command string `json:"command"`
	Model   string `json:"model"`
	Text    string `json:"text"`
}
