package cmd

import (
	"context"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/predict"
)

// spectrumFlags are those of the verb spectrum.
type spectrumFlags struct {
	study   studyFlags
	outputs string
	top     int
}

func (a *app) spectrumVerb() *cobra.Command {
	f := &spectrumFlags{}
	c := &cobra.Command{
		Use:   "spectrum [theta.npy]",
		Short: "eigenvalues of a Gram matrix: of a file, or of a network",
		Long: `spectrum prints the eigenvalues of a Gram matrix [N, N] or [N, N, O, O] in a .npy
file, or of Θ of a network on data, and what follows from them.`,
		Example: examples(a.program, "spectrum theta/theta.npy", "spectrum --model mlp --data digits --examples 200",
			"spectrum theta/theta.npy --json"),
		RunE: func(c *cobra.Command, args []string) error { return a.spectrum(c, f, args) },
	}
	f.study.register(c)
	a.registerDryRun(c)
	c.Flags().StringVar(&f.outputs, "outputs", "mean", "mean, full, trace or pseudo, the kernel of Σ f_o/√O")
	c.Flags().IntVar(&f.top, "top", 10, "how many eigenvalues to print; --json has all")
	return c
}

// spectrumResult is what spectrum prints with --json.
type spectrumResult struct {
	Schema        string    `json:"schema"`
	Of            string    `json:"of"`
	Examples      int       `json:"examples"`
	Outputs       int       `json:"outputs"` // 1 where the matrix is [N, N]
	Eigenvalues   []float64 `json:"eigenvalues"`
	Uncertainty   float64   `json:"uncertainty"`
	Condition     *float64  `json:"condition"`
	Exact         bool      `json:"condition_exact"`
	EffectiveRank float64   `json:"effective_rank"`
	MaxRateSum    *float64  `json:"max_rate_half_sum"`
}

func (a *app) spectrum(c *cobra.Command, f *spectrumFlags, args []string) error {
	ctx := c.Context()
	switch {
	case len(args) > 1:
		return usagef("%s takes one file, got %d", c.CommandPath(), len(args))
	case len(args) == 1 && c.Flags().Changed("model"):
		return usagef("give a file or --model, not both")
	case len(args) == 0 && f.study.network.model == "":
		return usagef("give the file of a Gram matrix (.npy), or --model; see %s --help", c.CommandPath())
	}
	if err := f.study.check(c); err != nil {
		return err
	}
	if err := oneOf("outputs", f.outputs, "mean", "full", "trace", "pseudo"); err != nil {
		return err
	}
	var s *predict.Spectrum
	var r spectrumResult
	var err error
	if len(args) == 1 {
		own := []string{"data", "examples", "outputs", "seed", "dtype", "depth", "weights", "checkpoint", "onnx-output", "reinit"}
		for _, flag := range append(own, choiceNames...) {
			if c.Flags().Changed(flag) {
				return usagef("--%s chooses a network's kernel; %s is a file", flag, args[0])
			}
		}
		s, r, err = a.spectrumOfFile(ctx, f, args[0])
	} else {
		s, r, err = a.spectrumOfNetwork(ctx, f)
	}
	if err != nil || a.dryRun {
		return err
	}
	r.Schema, r.Eigenvalues, r.Uncertainty = "ntk/spectrum/1", s.Values, s.Uncertainty()
	r.EffectiveRank, r.MaxRateSum = s.EffectiveRank(), finite(s.MaxStableRate(1))
	kappa, exact := s.Condition()
	r.Condition, r.Exact = finite(kappa), exact
	if a.json {
		return a.printJSON(r)
	}
	return a.printSpectrum(s, r, f.top)
}

func (a *app) spectrumOfFile(ctx context.Context, f *spectrumFlags, path string) (*predict.Spectrum, spectrumResult, error) {
	none := spectrumResult{}
	budget, err := f.study.compute.budget()
	if err != nil {
		return nil, none, err
	}
	spec, err := tiles.StatGram(path)
	if err != nil {
		return nil, none, err
	}
	square := spec.N1 == spec.N2 && (len(spec.Tail) == 0 || len(spec.Tail) == 2 && spec.Tail[0] == spec.Tail[1])
	if !square {
		return nil, none, fmt.Errorf("%s has shape %v; want a Gram matrix [N, N] (outputs mean or trace) or [N, N, O, O] (full)", path, spec.Shape())
	}
	n, o := spec.N1, 1
	if len(spec.Tail) == 2 {
		o = spec.Tail[0]
	}
	k := int64(n) * int64(o)
	if err := fitsSpectrum(budget, k, o, 0, ""); err != nil {
		return nil, none, err
	}
	if a.dryRun {
		return nil, none, a.drySpectrum(path, k, o, nil, budget)
	}
	_, a64, err := tiles.ReadGram(ctx, path)
	if err != nil {
		return nil, none, err
	}
	if o > 1 {
		a64 = predict.Flatten(a64, n, o)
	}
	if i, j, ok := asymmetric(int(k), a64); ok {
		return nil, none, fmt.Errorf("%s is not symmetric: entries [%d, %d] and [%d, %d] differ", path, i, j, j, i)
	}
	blas, err := a.openBLAS()
	if err != nil {
		return nil, none, err
	}
	a.flushNotices()
	s, err := predict.NewSpectrum(ctx, blas, int(k), a64)
	if err == nil && spec.DType == tiles.Float32 {
		s.Error = 0x1p-24 * frobenius(a64)
	}
	return s, spectrumResult{Of: path, Examples: n, Outputs: o}, err
}

// fitsSpectrum compares what the spectrum of a matrix of k rows takes with the
// budget: Θ, its rows in order if there are several outputs, the solver's copy,
// all in float64, and kept more matrices of the size.
func fitsSpectrum(budget machine.Budget, k int64, outputs, kept int, remedy string) error {
	need := spectrumBytes(k, outputs, kept)
	if !budget.Fits(need) {
		return budget.Exceeded(fmt.Sprintf("the spectrum of a matrix of %d rows", k), need, remedy)
	}
	return nil
}

func spectrumBytes(k int64, outputs, kept int) int64 {
	copies := int64(2 + kept)
	if outputs > 1 {
		copies++
	}
	return toBytes(float64(k) * float64(k) * 8 * float64(copies))
}

// frobenius returns the Frobenius norm: 2⁻²⁴ of it is what rounding entries to
// float32 may move an eigenvalue by (Weyl).
func frobenius(a []float64) float64 {
	sum := 0.0
	for _, x := range a {
		sum += x * x
	}
	return math.Sqrt(sum)
}

// finite returns nil for NaN and infinities, which JSON does not have.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// asymmetric finds a pair of entries that differ by more than rounding does.
func asymmetric(n int, a []float64) (i, j int, ok bool) {
	top := 0.0
	for _, x := range a {
		top = max(top, x, -x)
	}
	for i := range n {
		for j := range i {
			if d := a[i*n+j] - a[j*n+i]; !(max(d, -d) <= 1e-6*top) {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

func (a *app) spectrumOfNetwork(ctx context.Context, flags *spectrumFlags) (*predict.Spectrum, spectrumResult, error) {
	none := spectrumResult{}
	s, err := a.open(ctx, &flags.study)
	if err != nil {
		return nil, none, err
	}
	defer s.close()
	f, err := s.network(flags.study.network.depth)
	if err != nil {
		return nil, none, err
	}
	defer func() { _ = f.Close() }()
	if err := s.draw(f); err != nil {
		return nil, none, err
	}
	outputs, err := empirical.ParseOutputs(flags.outputs)
	if err != nil {
		return nil, none, usageError{err}
	}
	x, err := s.examples()
	if err != nil {
		return nil, none, err
	}
	opts := s.options(outputs)
	plan, err := f.Plan(x.Len(), 0, opts)
	if err != nil {
		return nil, none, err
	}
	o := 1
	if outputs == empirical.Full {
		o = plan.O
	}
	if err := fitsSpectrum(s.budget, int64(x.Len())*int64(o), o, 0, "ask for fewer --examples"); err != nil {
		return nil, none, err
	}
	if a.dryRun {
		return nil, none, a.drySpectrum(fmt.Sprintf("Θ %s of %s on %d examples", outputs, s.source.Name, x.Len()), int64(x.Len())*int64(o), o, plan, s.budget)
	}
	a.flushNotices()
	a.describe(s)
	if err := a.debugNaN(ctx, s, f); err != nil {
		return nil, none, err
	}
	bar := a.newProgress()
	opts.Progress = bar.tiles
	g, err := f.NTK(ctx, x, nil, opts)
	bar.done()
	if err != nil {
		return nil, none, a.locate(ctx, s, f, err)
	}
	p, err := f.Precision(ctx, x, g, opts)
	if err != nil {
		return nil, none, err
	}
	r := spectrumResult{Of: s.source.Name + " on " + s.set.Describe(), Examples: g.N1, Outputs: 1}
	theta, n := g.Values, g.N1
	if outputs == empirical.Full {
		theta, n, r.Outputs = predict.Flatten(theta, g.N1, g.O), n*g.O, g.O
	}
	sp, err := predict.NewSpectrum(ctx, s.blas, n, theta)
	if err == nil {
		sp.Error = p.EigenvalueError(n)
	}
	return sp, r, err
}

func (a *app) printSpectrum(s *predict.Spectrum, r spectrumResult, top int) error {
	t := report.Table{
		Caption: "Spectrum of " + r.Of,
		Columns: []report.Column{{Name: "index", Align: report.Right}, {Name: "eigenvalue", Align: report.Right}, {Name: "sum so far", Unit: "%", Align: report.Right}},
	}
	total, sum := 0.0, 0.0
	for _, v := range s.Values {
		total += v
	}
	n := len(s.Values)
	for i, v := range s.Values {
		sum += v
		if i < max(top, 0) || i == n-1 {
			part := "" // of nothing
			if total != 0 {
				part = report.Number(100 * sum / total)
			}
			t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), report.Number(v), part})
		}
	}
	kappa, rate := "unbounded", "unbounded" // of Θ = 0
	if r.Condition != nil {
		kappa = report.Number(*r.Condition)
		if !r.Exact {
			kappa = "≥ " + kappa
		}
	}
	if r.MaxRateSum != nil {
		rate = report.Number(*r.MaxRateSum)
	}
	facts := report.Table{Columns: []report.Column{{Name: "what"}, {Name: "value"}}, Rows: [][]string{
		{"condition number", kappa},
		{"uncertainty of an eigenvalue", report.Number(r.Uncertainty)},
		{"effective rank", fmt.Sprintf("%s of %d", report.Number(r.EffectiveRank), n)},
		{"largest stable rate on ½Σ(f−y)²", rate},
	}}
	return a.printTables([]report.Table{t, facts})
}
