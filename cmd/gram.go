package cmd

import (
	"context"
	"fmt"
	"maps"
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
	terms         termFlags
	outputs, way  string
	heads         []string
	out           string
	block         int
	force, resume bool
	explain       bool
	packed        bool
	shard         string
	queue         queueFlags
	workers       int
	devices       int
	queueToken    string // of the queue that --workers starts
}

func (a *app) gramVerb() *cobra.Command {
	g := &gramFlags{}
	c := &cobra.Command{
		Use:   "gram",
		Short: "compute Θ of one network and write it as .npy",
		Long: `gram computes Θ(x, x) of a network at one seed, tile by tile under the memory
budget, and writes theta.npy and manifest.json into --out. A run that was stopped
goes on with --resume, which starts where nothing is there yet. --explain says
what would be done, and does nothing.

With --shard i/n the process computes one of n parts of Θ, about as dear as each
of the others; "merge" joins them. All get the same command line but for i.

With --queue the tiles go to workers on any number of machines, which are started
by "worker" with the same flags, at any time; --workers n starts n on this one.

--diagonal computes Θ(x_i, x_i) alone, --pairs Θ(x_i, x'_i), at the cost of N pairs.
--by-parameter and --group write the terms of weights that Θ is the sum of.`,
		Example: examples(a.program, "gram --model cnn-gap --data digits --examples 500 --out theta",
			"gram --model cnn-gap --data digits --examples 500 --out theta --resume",
			"gram --model resnet18 --data cifar10 --outputs full --explain",
			"gram --model cnn-gap --data cifar10 --examples 10000 --out theta --shard 2/8 --resume",
			"gram --model cnn-gap --data cifar10 --examples 10000 --out theta --queue nats://host:4222 --resume",
			"gram --model cnn-gap --data digits --examples all --diagonal --outputs full --out diagonal"),
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return a.gram(c, g) },
	}
	g.study.register(c)
	g.pairs.register(c)
	g.terms.register(c)
	f := c.Flags()
	f.StringVar(&g.outputs, "outputs", "mean", "mean, full, trace, diagonal or pseudo, the kernel of Σ f_o/√O")
	f.StringArrayVar(&g.heads, "head", nil, "outputs that count of a network that returns several, by name or place; may be repeated (default: all)")
	f.StringVar(&g.way, "way", "auto", "how weights' terms are formed: auto, materialize, factor, sequential, separable or products")
	f.IntVar(&g.block, "block", 0, "examples in one execution (default: as many as the budget allows)")
	f.StringVar(&g.out, "out", "", "folder for theta.npy and manifest.json")
	f.BoolVar(&g.force, "force", false, "replace the results in --out")
	f.BoolVar(&g.resume, "resume", false, "go on with what is in --out, or start")
	f.BoolVar(&g.packed, "packed", false, "store the pairs of examples m ≤ n only, [N(N+1)/2, …] in the order of numpy.triu_indices")
	f.StringVar(&g.shard, "shard", "", "compute part i of n only, given as i/n with i from 1")
	f.IntVar(&g.workers, "workers", 0, "have as many processes on this machine compute the tiles")
	f.IntVar(&g.devices, "devices", 1, "spread the tiles over as many devices of the backend, in this process; 0: over all")
	g.queue.register(c)
	f.BoolVar(&g.explain, "explain", false, "print the plan and stop")
	a.registerDryRun(c)
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
	if err := oneOf("way", g.way, "auto", "materialize", "factor", "sequential", "separable", "products"); err != nil {
		return err
	}
	if err := g.pairs.check(); err != nil {
		return err
	}
	if err := g.terms.check(); err != nil {
		return err
	}
	if err := g.checkQueue(c); err != nil {
		return err
	}
	switch {
	case g.block < 0:
		return usagef("--block %d: want at least 1", g.block)
	case g.out == "" && !g.explain:
		return usagef("--out is missing: the folder that theta.npy goes to; or --explain")
	case g.force && g.resume:
		return usagef("--force and --resume: give one of them")
	case g.shard != "" && g.study.choice.isJoint():
		return usagef("--shard and --joint: what is a function of all examples cannot be split")
	case g.pairs.some() && (g.packed || g.shard != ""):
		return usagef("--diagonal and --pairs compute no Gram matrix: leave out --packed and --shard")
	case len(g.heads) > 0 && len(g.study.choice.of) > 0:
		return usagef("--head and --of: give one of them")
	case g.terms.some() && g.shard != "":
		return usagef("--shard joins no terms: leave out --by-parameter and --group, or give the weights of each by --params")
	case g.packed && g.shard != "":
		return usagef("--packed and --shard: give --packed to \"merge\"")
	}
	sh, err := parseShard(g.shard)
	if err != nil {
		return err
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
	if sh.count > 0 && opts.Block == 0 {
		opts.Block = sh.block(s.set.Len())
	}
	if err := g.chooseDevices(s); err != nil {
		return err
	}
	if (g.byQueue() || g.devices > 1) && opts.Block == 0 {
		opts.Block = g.queueBlock(s.set.Len())
	}
	if g.devices > 1 {
		opts.Memory = max(1, s.budget.Bytes/int64(g.devices))
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
		text, err := sh.explain(plan)
		if err == nil {
			_, err = fmt.Fprint(a.stdout, plan, text)
		}
		return err
	}
	if a.dryRun {
		return a.dryGram(g, s, plan)
	}
	if err := s.draw(f); err != nil {
		return err
	}
	if err := a.debugNaN(ctx, s, f); err != nil {
		return err
	}
	begin, err := a.ready(g, sh)
	if err != nil {
		return err
	}
	a.flushNotices()
	a.describe(s)
	a.detail(plan.String())
	w, err := a.newStore(g, sh, s, f, plan, begin)
	if err != nil {
		return err
	}
	if g.byQueue() {
		return a.gramByQueue(c, w, s, f, opts)
	}
	if g.devices > 1 {
		return a.gramByDevices(ctx, w, s, f, opts)
	}
	return a.computeGram(ctx, w, s, f, opts)
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
	opts.Heads = g.heads
	opts.ByParameter, opts.Groups = g.terms.byParameter, g.terms.groups
	return opts, nil
}

// computeGram writes the array, and the manifest before and after.
func (a *app) computeGram(ctx context.Context, w *gramStore, s *study, f *empirical.Network, opts empirical.Options) error {
	start := time.Now()
	opts.Writer = func(spec tiles.Spec) (tiles.Writer, error) { return a.openStore(ctx, w, spec) }
	opts.TermWriter = func(t empirical.Term, spec tiles.Spec) (tiles.Writer, error) {
		return a.openTerm(ctx, w, w.manifest.fileOf(t.Name), spec)
	}
	bar := a.newProgress()
	opts.Progress = bar.tiles
	x, err := s.examples()
	if err != nil {
		return err
	}
	x2, err := w.g.pairs.examples(s)
	if err != nil {
		return err
	}
	r, err := f.NTK(ctx, x, x2, opts)
	bar.done()
	if err != nil {
		return a.locate(ctx, s, f, err)
	}
	if w.shard.count > 0 {
		r.Shares = nil // of the shard's tiles alone
	}
	if err := w.manifest.finish(w.g.out, time.Since(start)); err != nil {
		return err
	}
	if err := w.write(); err != nil {
		return err
	}
	return a.printGram(w, s, r, time.Since(start))
}

// gramResult is what gram prints with --json.
type gramResult struct {
	Schema             string                 `json:"schema"`
	Command            string                 `json:"command"`
	File               string                 `json:"file"`
	Shape              []int                  `json:"shape"`
	Shard              string                 `json:"shard,omitempty"`
	Outputs            string                 `json:"outputs"`
	Parameters         int                    `json:"parameters"`
	Seconds            float64                `json:"seconds"`
	CompileSeconds     float64                `json:"compile_seconds"`
	JacobianSeconds    float64                `json:"jacobian_seconds"`
	ContractionSeconds float64                `json:"contraction_seconds"`
	Shares             []empirical.Share      `json:"shares"`
	Terms              []termFile             `json:"terms,omitempty"`
	Times              []empirical.WeightTime `json:"times"`
	Plan               planInfo               `json:"plan"`
}

func (a *app) printGram(w *gramStore, s *study, g *empirical.Gram, took time.Duration) error {
	shape, _, err := tiles.StatNPY(w.path)
	if err != nil {
		return err
	}
	r := gramResult{
		"ntk/gram/1", a.command(), w.path, shape, w.shard.String(), g.Outputs.String(), g.Plan.Parameters, took.Seconds(),
		g.Compile.Seconds(), g.Jacobians.Seconds(), g.Contraction.Seconds(), g.Shares, w.manifest.Terms, g.Times, describePlan(g.Plan),
	}
	if a.json {
		return a.printJSON(r)
	}
	a.detail(timesText(g))
	t := report.Table{
		Caption: fmt.Sprintf("Θ %s of %s on %s", g.Outputs, s.source.Name, s.set.Describe()),
		Columns: []report.Column{{Name: "what"}, {Name: "value"}},
		Rows: [][]string{
			{"file", w.path},
			{"shape", fmt.Sprint(shape)},
			{"parameters", fmt.Sprint(g.Plan.Parameters)},
			tilesRow(g.Plan),
			{"time", fmt.Sprintf("%.3g s: compilation %.3g, cotangents and Jacobians %.3g, contraction %.3g",
				took.Seconds(), g.Compile.Seconds(), g.Jacobians.Seconds(), g.Contraction.Seconds())},
		},
	}
	switch {
	case w.g.byQueue():
		t.Rows[len(t.Rows)-1] = []string{"time", fmt.Sprintf("%.3g s, by workers", took.Seconds())}
	case w.g.devices > 1:
		t.Rows[len(t.Rows)-1] = []string{"time", fmt.Sprintf("%.3g s, by %d devices", took.Seconds(), w.g.devices)}
	}
	for _, f := range w.manifest.Terms {
		t.Rows = append(t.Rows, []string{"term of " + f.Name, f.File})
	}
	if w.shard.count > 0 {
		t.Rows = append(t.Rows, []string{"shard", fmt.Sprintf("%s; with the others there: %s merge %s", w.shard, a.program, w.g.out)})
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
