package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/spf13/cobra"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/limits"
)

// limitFlags are those of the verb limit.
type limitFlags struct {
	network networkFlags
	data    dataFlags
	compute computeFlags // memory alone
	out     string
	force   bool
	explain bool
}

func (a *app) limitVerb() *cobra.Command {
	l := &limitFlags{}
	c := &cobra.Command{
		Use:   "limit",
		Short: "derive the infinite-width K and Θ of a network",
		Long: `limit derives the kernels of the infinitely wide network from the network itself
and writes K(x, x) and Θ(x, x) in float64 to nngp.npy and theta.npy in --out, with
manifest.json. --explain prints the recursion that was derived, and does nothing
else. A network without a limit, or with an op that no rule covers, is refused:
the op, its source line and the reason are named.`,
		Example: examples(a.program, "limit --model mlp --data digits --examples 100 --out limit",
			"limit --model cnn-gap --explain"),
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.limit(c, l) },
	}
	l.network.register(c)
	l.data.register(c)
	f := c.Flags()
	f.StringVar(&l.compute.memory, "memory", "", "memory budget, such as 4GiB (default: half of what is allowed)")
	f.StringVar(&l.out, "out", "", "folder for nngp.npy, theta.npy and manifest.json")
	f.BoolVar(&l.force, "force", false, "replace the results in --out")
	f.BoolVar(&l.explain, "explain", false, "print the recursion and stop")
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
	budget, err := l.compute.budget()
	if err != nil {
		return err
	}
	if l.out == "" && !l.explain {
		return usagef("--out is missing: the folder that nngp.npy and theta.npy go to; or --explain")
	}
	set, err := a.load(ctx, &l.data, l.data.data, budget)
	if err != nil {
		return err
	}
	source, err := a.source(&l.network, set)
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
	if err := newFolder(l.out, l.force); err != nil {
		return err
	}
	return a.computeLimit(ctx, l, set, source, derived, budget)
}

// monteCarloCommand is this command line, for what has no limit: Θ of 32 seeds.
func (a *app) monteCarloCommand(l *limitFlags) string {
	b := *a
	b.args = slices.DeleteFunc(slices.Clone(a.args), func(s string) bool { return strings.HasPrefix(s, "--explain") })
	b.args[slices.Index(b.args, "limit")] = "diagnose"
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

// limitResult is what limit prints with --json.
type limitResult struct {
	Schema   string   `json:"schema"`
	Command  string   `json:"command"`
	NNGP     string   `json:"nngp"`
	NTK      string   `json:"ntk"`
	Shape    []int    `json:"shape"`
	Warnings []string `json:"warnings"`
	Seconds  float64  `json:"seconds"`
}

// computeLimit writes both matrices, and the manifest before and after.
func (a *app) computeLimit(ctx context.Context, l *limitFlags, set *data.Set, source diagnose.Source, derived *limits.Limit, budget machine.Budget) error {
	start := time.Now()
	s := &study{
		flags: &studyFlags{network: l.network, data: l.data, compute: computeFlags{dtype: "float64"}},
		set:   set, source: source, backend: &native.Backend{Kind: native.Go}, // no backend is opened
	}
	config := s.config()
	m := &manifest{
		Schema: "ntk/manifest/1", Command: a.command(), Config: config, Data: describeData(set),
		Backend: backendInfo{Kind: native.Go}, BLAS: "none", Version: thisVersion(), Machine: machine.Describe(),
		Files: []string{"nngp.npy", "theta.npy"}, Created: start.UTC().Truncate(time.Second), Incomplete: "not finished",
	}
	if err := m.write(l.out); err != nil {
		return err
	}
	x, err := diagnose.Examples(set, dtypes.Float64)
	if err != nil {
		return err
	}
	bar := a.newProgress()
	began := time.Now()
	g, err := derived.Gram(ctx, x, nil, limits.GramOptions{
		Memory: budget.Bytes,
		Progress: func(done, total int) {
			bar.tiles(empirical.Progress{Stage: "limit", Done: done, Total: total, Elapsed: time.Since(began)})
		},
	})
	bar.done()
	if err != nil {
		return err
	}
	k, theta := filepath.Join(l.out, "nngp.npy"), filepath.Join(l.out, "theta.npy")
	if err := writeArray(k, g.N1, nil, g.NNGP); err != nil {
		return err
	}
	if err := writeArray(theta, g.N1, nil, g.NTK); err != nil {
		return err
	}
	m.Incomplete, m.Seconds = "", time.Since(start).Seconds()
	if err := m.write(l.out); err != nil {
		return err
	}
	r := limitResult{"ntk/limit/1", a.command(), k, theta, []int{g.N1, g.N2}, derived.Warnings, m.Seconds}
	if a.json {
		return a.printJSON(r)
	}
	return a.printTables([]report.Table{{
		Caption: fmt.Sprintf("infinite-width limit of %s on %s", source.Name, set.Describe()),
		Columns: []report.Column{{Name: "what"}, {Name: "value"}},
		Rows: [][]string{
			{"K (NNGP)", k},
			{"Θ (NTK)", theta},
			{"shape", fmt.Sprint(r.Shape)},
			{"time", fmt.Sprintf("%.3g s", r.Seconds)},
		},
	}})
}
