package cmd

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/internal/tiles"
)

// gramFlags are those of the verb gram.
type gramFlags struct {
	study         studyFlags
	pairs         pairFlags
	outputs, way  string
	out           string
	block         int
	force, resume bool
	explain       bool
}

func (a *app) gramVerb() *cobra.Command {
	g := &gramFlags{}
	c := &cobra.Command{
		Use:   "gram",
		Short: "compute Θ of one network and write it as .npy",
		Long: `gram computes Θ(x, x) of a network at one seed, tile by tile under the memory
budget, and writes theta.npy and manifest.json into --out. A run that was stopped
goes on with --resume. --explain says what would be done, and does nothing.

--diagonal computes Θ(x_i, x_i) alone, --pairs Θ(x_i, x'_i), at the cost of N pairs.`,
		Example: examples(a.program, "gram --model cnn-gap --data digits --examples 500 --out theta",
			"gram --model cnn-gap --data digits --examples 500 --out theta --resume",
			"gram --model resnet18 --data cifar10 --outputs full --explain",
			"gram --model cnn-gap --data digits --examples all --diagonal --outputs full --out diagonal"),
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.gram(c, g) },
	}
	g.study.register(c)
	g.pairs.register(c)
	f := c.Flags()
	f.StringVar(&g.outputs, "outputs", "mean", "mean, full, trace, diagonal or pseudo, the kernel of Σ f_o/√O")
	f.StringVar(&g.way, "way", "auto", "how weights' terms are formed: auto, materialize, factor, sequential or separable")
	f.IntVar(&g.block, "block", 0, "examples in one execution (default: as many as the budget allows)")
	f.StringVar(&g.out, "out", "", "folder for theta.npy and manifest.json")
	f.BoolVar(&g.force, "force", false, "replace the results in --out")
	f.BoolVar(&g.resume, "resume", false, "go on with what is in --out")
	f.BoolVar(&g.explain, "explain", false, "print the plan and stop")
	return c
}

func (a *app) gram(c *cobra.Command, g *gramFlags) error {
	ctx := c.Context()
	if err := g.study.check(c); err != nil {
		return err
	}
	if err := oneOf("outputs", g.outputs, "mean", "full", "trace", "diagonal", "pseudo"); err != nil {
		return err
	}
	if err := oneOf("way", g.way, "auto", "materialize", "factor", "sequential", "separable"); err != nil {
		return err
	}
	if err := g.pairs.check(); err != nil {
		return err
	}
	switch {
	case g.block < 0:
		return usagef("--block %d: want at least 1", g.block)
	case g.out == "" && !g.explain:
		return usagef("--out is missing: the folder that theta.npy goes to; or --explain")
	case g.force && g.resume:
		return usagef("--force and --resume: give one of them")
	}
	s, err := a.open(ctx, &g.study)
	if err != nil {
		return err
	}
	defer s.close()
	if err := g.pairs.load(ctx, a, s); err != nil {
		return err
	}
	f, err := s.network(g.study.network.depth)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	opts, err := g.options(s)
	if err != nil {
		return err
	}
	plan, err := f.Plan(s.set.Len(), g.pairs.count(), opts)
	if err != nil {
		return err
	}
	if g.explain {
		a.flushNotices()
		if a.json {
			return a.printJSON(explanation{"ntk/plan/1", a.command(), describePlan(plan)})
		}
		_, err := fmt.Fprint(a.stdout, plan)
		return err
	}
	if err := s.draw(f); err != nil {
		return err
	}
	if err := a.debugNaN(ctx, s, f); err != nil {
		return err
	}
	if !g.resume {
		if err := newFolder(g.out, g.force); err != nil {
			return err
		}
	}
	a.flushNotices()
	a.describe(s)
	a.detail(plan.String())
	return a.computeGram(ctx, g, s, f, opts)
}

// explanation is what gram --explain prints with --json.
type explanation struct {
	Schema  string   `json:"schema"`
	Command string   `json:"command"`
	Plan    planInfo `json:"plan"`
}

func (g *gramFlags) options(s *study) (empirical.Options, error) {
	outputs, err := empirical.ParseOutputs(g.outputs)
	if err != nil {
		return empirical.Options{}, usageError{err}
	}
	way, err := empirical.ParseWay(g.way)
	if err != nil {
		return empirical.Options{}, usageError{err}
	}
	opts := s.options(outputs)
	opts.Way, opts.Block, opts.Pairs = way, g.block, g.pairs.some()
	return opts, nil
}

// computeGram writes theta.npy, and the manifest before and after.
func (a *app) computeGram(ctx context.Context, g *gramFlags, s *study, f *empirical.Network, opts empirical.Options) error {
	start := time.Now()
	network, err := fingerprint(f)
	if err != nil {
		return err
	}
	config := s.config()
	config["outputs"] = g.outputs
	g.pairs.config(config)
	if !g.study.trained() {
		config["seed"] = strconv.FormatUint(g.study.seed, 10)
	}
	m := a.manifest(s, config, g.study.seeds())
	if g.pairs.second != nil {
		second := describeData(g.pairs.second)
		m.Pairs = &second
	}
	m.Files, m.Incomplete = []string{"theta.npy", "theta.npy.journal"}, "not finished"
	path := filepath.Join(g.out, "theta.npy")
	opts.Writer = func(spec tiles.Spec) (tiles.Writer, error) {
		what := tiles.Manifest(maps.Clone(config))
		what["data sha256"], what["weights and program sha256"] = s.set.Hash(), network
		what["version"] = thisVersion().String()
		w, err := a.openGram(ctx, g, path, spec, what)
		if err != nil {
			return nil, err
		}
		if err := m.write(g.out); err != nil {
			_ = w.Close()
			return nil, err
		}
		a.resume = "finished tiles are kept; to go on: " + a.resumeCommand(g)
		return w, nil
	}
	bar := a.newProgress()
	opts.Progress = bar.tiles
	x, err := s.examples()
	if err != nil {
		return err
	}
	x2, err := g.pairs.examples(s)
	if err != nil {
		return err
	}
	r, err := f.NTK(ctx, x, x2, opts)
	bar.done()
	if err != nil {
		return a.locate(ctx, s, f, err)
	}
	m.Incomplete, m.Seconds = "", time.Since(start).Seconds()
	if err := m.write(g.out); err != nil {
		return err
	}
	return a.printGram(path, s, r, time.Since(start))
}

// openGram makes the file of Θ, or opens it to go on.
func (a *app) openGram(ctx context.Context, g *gramFlags, path string, spec tiles.Spec, what tiles.Manifest) (*tiles.File, error) {
	if !g.resume {
		return tiles.CreateNPY(path, spec, what)
	}
	fits := spec.Block1
	if g.block == 0 {
		spec.Block1, spec.Block2 = 0, 0 // those of the file
	}
	w, err := tiles.OpenNPYContext(ctx, path, spec, what)
	if err != nil {
		return nil, err
	}
	if b := w.Spec().Block1; b > fits {
		_ = w.Close()
		return nil, fmt.Errorf("%s is cut into tiles of %d examples, and the memory budget holds %d; raise --memory", path, b, fits)
	}
	a.say("%s", w.Resume())
	return w, nil
}

// resumeCommand is this command line, going on.
func (a *app) resumeCommand(g *gramFlags) string {
	if g.resume {
		return a.command()
	}
	b := *a
	b.args = slices.DeleteFunc(slices.Clone(a.args), func(s string) bool { return s == "--force" })
	return b.command() + " --resume"
}

// gramResult is what gram prints with --json.
type gramResult struct {
	Schema             string            `json:"schema"`
	Command            string            `json:"command"`
	File               string            `json:"file"`
	Shape              []int             `json:"shape"`
	Outputs            string            `json:"outputs"`
	Parameters         int               `json:"parameters"`
	Seconds            float64           `json:"seconds"`
	CompileSeconds     float64           `json:"compile_seconds"`
	JacobianSeconds    float64           `json:"jacobian_seconds"`
	ContractionSeconds float64           `json:"contraction_seconds"`
	Shares             []empirical.Share `json:"shares"`
	Plan               planInfo          `json:"plan"`
}

func (a *app) printGram(path string, s *study, g *empirical.Gram, took time.Duration) error {
	shape, _, err := tiles.StatNPY(path)
	if err != nil {
		return err
	}
	r := gramResult{
		"ntk/gram/1", a.command(), path, shape, g.Outputs.String(), g.Plan.Parameters, took.Seconds(),
		g.Compile.Seconds(), g.Jacobians.Seconds(), g.Contraction.Seconds(), g.Shares, describePlan(g.Plan),
	}
	if a.json {
		return a.printJSON(r)
	}
	t := report.Table{
		Caption: fmt.Sprintf("Θ %s of %s on %s", g.Outputs, s.source.Name, s.set.Describe()),
		Columns: []report.Column{{Name: "what"}, {Name: "value"}},
		Rows: [][]string{
			{"file", path},
			{"shape", fmt.Sprint(shape)},
			{"parameters", fmt.Sprint(g.Plan.Parameters)},
			tilesRow(g.Plan),
			{"time", fmt.Sprintf("%.3g s: compilation %.3g, cotangents and Jacobians %.3g, contraction %.3g",
				took.Seconds(), g.Compile.Seconds(), g.Jacobians.Seconds(), g.Contraction.Seconds())},
		},
	}
	return a.printTables([]report.Table{t})
}

func tilesRow(p *empirical.Plan) []string {
	if p.Pairs {
		return []string{"blocks", fmt.Sprintf("%d, of at most %d pairs", p.Tiles, p.Block)}
	}
	return []string{"tiles", fmt.Sprintf("%d, of at most %d × %d examples", p.Tiles, p.Block, p.Block)}
}

// config says which network, data and arithmetic a study has: what must agree
// for a run to be resumed.
func (s *study) config() map[string]string {
	n, d := s.flags.network, s.flags.data
	c := map[string]string{
		"model": s.source.Name, "depth": strconv.Itoa(n.depth), "width": strconv.Itoa(n.width),
		"activation": n.activation, "parameterization": n.parameterization, "norm": n.norm, "initializer": n.initializer,
		"heads": strconv.Itoa(n.heads), "patch": strconv.Itoa(n.patch), "vocabulary": strconv.Itoa(n.vocabulary),
		"w_std": strconv.FormatFloat(n.wStd, 'g', -1, 64), "b_std": strconv.FormatFloat(n.bStd, 'g', -1, 64),
		"data": d.data, "examples": strconv.Itoa(s.set.Len()), "layout": s.set.Layout, "labels": d.labels,
		"shuffle": strconv.FormatUint(d.shuffle, 10), "standardize": d.standardize,
		"dtype": s.flags.compute.dtype, "backend": s.backend.Kind,
		"weights": s.flags.weights.file, "checkpoint": s.flags.weights.checkpoint, "onnx_output": n.onnx.output,
	}
	if n.onnx.reinit {
		c["reinit"] = "true"
	}
	if n.published {
		c["published"] = "true"
	}
	s.flags.choice.config(c)
	maps.DeleteFunc(c, func(_, v string) bool { return v == "" || v == "0" })
	return c
}

func sorted(seeds []uint64) []uint64 {
	slices.Sort(seeds)
	return seeds
}
