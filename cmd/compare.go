package cmd

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/limits"
)

// compareFlags are those of the verb compare.
type compareFlags struct {
	study  studyFlags // without a choice of outputs and weights
	widths []int
	seeds  int
	out    string
	force  bool
	resume bool
}

func (a *app) compareVerb() *cobra.Command {
	m := &compareFlags{}
	c := &cobra.Command{
		Use:   "compare",
		Short: "compare networks of several widths with their infinite-width limit",
		Long: `compare draws networks of several widths and compares the means of Θ and of K, the
second moment of the outputs, with the derived limit: in standard errors, before and
after the bias c/n is taken away; the deviation of single draws against the width;
bias and noise apart. A network without a limit has its kernels extrapolated in 1/n,
and the reason why there is no limit is printed. A network of the zoo is built with
each --widths; the widths of a spec are all multiplied, but the last.

With --out it writes a report, the means, their standard errors and the limit as
.npy, [N, N, widths], and keeps the draws: a run that was stopped goes on with
--resume, and so does one that is to have more --seeds or --widths.`,
		Example: examples(a.program, "compare --model mlp --widths 64,128,256,512 --seeds 32",
			"compare --model cnn-gap --widths 32,64,128 --examples 4 --out widths",
			"compare --model cnn-gap --widths 32,64,128 --examples 4 --seeds 100 --out widths --resume",
			"compare --model arch.json --data images.npy --json"),
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.compare(c, m) },
	}
	s := &m.study
	s.network.register(c)
	s.data.register(c)
	s.compute.register(c)
	f := c.Flags()
	// All pairs of them are drawn many times.
	n := f.Lookup("examples")
	n.DefValue = "8"
	s.data.examples = n.DefValue
	f.Uint64Var(&s.seed, "seed", 1, "first seed of the weights; networks of width n have those from it + n·2³² on")
	f.IntSliceVar(&m.widths, "widths", []int{64, 128, 256, 512}, "widths to compare")
	f.IntVar(&m.seeds, "seeds", 32, "how many networks of each width")
	f.StringVar(&m.out, "out", "", "folder for the report, the kernels, the draws and the manifest (default: none is written)")
	f.BoolVar(&m.force, "force", false, "replace the results in --out")
	a.registerDryRun(c)
	f.BoolVar(&m.resume, "resume", false, "go on with what is in --out")
	return c
}

// checkCompare refuses what cannot be compared, and sorts the widths.
func (m *compareFlags) check(c *cobra.Command) error {
	if err := m.study.check(c); err != nil {
		return err
	}
	slices.Sort(m.widths)
	m.widths = slices.Compact(m.widths)
	switch {
	case len(m.widths) == 0 || m.widths[0] < 1:
		return usagef("--widths %s: want numbers of at least 1, such as 64,128,256", list(m.widths))
	case m.seeds < 2:
		return usagef("--seeds %d: want at least 2: one network tells no error", m.seeds)
	case c.Flags().Changed("width"):
		return usagef("--width: the widths to compare are --widths")
	case m.force && m.resume:
		return usagef("--force and --resume: give one of them")
	case m.resume && m.out == "":
		return usagef("--resume goes on with what is in --out: give it")
	}
	return nil
}

func (a *app) compare(c *cobra.Command, m *compareFlags) error {
	ctx := c.Context()
	if err := m.check(c); err != nil {
		return err
	}
	if isONNX(m.study.network.model) {
		return usagef("%s: an ONNX file has one width; give a network of the zoo or a spec (.json)", m.study.network.model)
	}
	s, err := a.open(ctx, &m.study)
	if err != nil {
		return err
	}
	defer s.close()
	name, build, err := a.widths(c, &m.study.network, m.widths[0], s.set.Shape[1:], s.set.Classes)
	if err != nil {
		return err
	}
	x, err := s.examples()
	if err != nil {
		return err
	}
	model := func(width int) (graph.Model, error) {
		spec, err := build(width)
		if err != nil {
			return nil, err
		}
		return spec.Model()
	}
	if err := s.fitsWidths(model, m.widths); err != nil {
		return err
	}
	if a.dryRun {
		return a.dryCompare(ctx, m, s, name, model, x)
	}
	w := &comparisonFiles{app: a, study: s, flags: m, name: name}
	if err := w.open(); err != nil {
		return err
	}
	a.flushNotices()
	a.describe(s)
	start := time.Now()
	bar := a.newProgress()
	result, err := limits.Compare(ctx, s.backend.GoMLX, model, x, limits.CompareOptions{
		Widths: m.widths, Seed: m.study.seed, Seeds: m.seeds, Memory: s.budget.Bytes, BLAS: s.blas, Dir: w.draws(),
		Progress: func(p limits.CompareProgress) {
			what := fmt.Sprintf("width %d, draw %d of %d", p.Width, p.Draws, p.Seeds)
			if p.AllPairs > 0 {
				what = fmt.Sprintf("limit at width %d, pair %d of %d", p.Width, p.Pairs, p.AllPairs)
			}
			bar.update(p.Fraction, what)
		},
	})
	bar.done()
	if err != nil {
		return err
	}
	if err := w.write(result, time.Since(start)); err != nil {
		return err
	}
	return a.printComparison(w, result, time.Since(start))
}

// fitsWidths compares the weights of every width with the budget.
func (s *study) fitsWidths(model func(width int) (graph.Model, error), widths []int) error {
	for _, n := range widths {
		f, err := model(n)
		if err == nil {
			err = s.fitsWeights(f, s.inputShape())
		}
		if err != nil {
			return fmt.Errorf("at width %d: %w", n, err)
		}
	}
	return nil
}
