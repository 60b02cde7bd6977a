// Package diagnose says, from the tangent kernel at initialization, whether a
// network will train.
package diagnose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/models"
	"github.com/gontk/ntk/predict"
)

// A Source builds the network under diagnosis.
type Source struct {
	Name string
	// Build returns the network of the given depth for inputs of the given
	// shape, without the batch axis, and the given number of outputs. Zero
	// depth or outputs mean the network's own.
	Build func(depth int, input []int, outputs int) (empirical.Model, error)
	// Spec returns that network as data, for remedies; nil if it is none.
	Spec func(depth int, input []int, outputs int) (*models.Spec, error)
}

// Config says what to diagnose. Source and Data are required.
type Config struct {
	Source Source
	Data   *data.Set
	// Depths to sweep; none means the network's own depth.
	Depths []int
	// Seed is the first seed, Seeds how many; 0 means 1.
	Seed  uint64
	Seeds int
	// Outputs is Full (the matrix [N·O, N·O]) or Mean ([N, N]); zero is Mean.
	Outputs empirical.Outputs
	// Of and Params are those of [empirical.Options]: outputs and weights that
	// count; none means all.
	Of     []int
	Params []string
	// Joint is that of [empirical.Options]: the examples are one batch.
	Joint bool
	// DebugNaN looks at every op before a kernel is computed; see [FindNotFinite].
	DebugNaN bool
	// DType of the arithmetic; zero means float32.
	DType dtypes.DType
	// Memory is the budget in bytes; 0 means half of what is allowed.
	Memory int64
	// Remedies asks for what is known to help deep networks, tried at the last depth.
	Remedies bool
	// Without leaves out parts of the diagnosis beside Θ and its spectrum.
	Without Without
	// Steps of gradient descent that modes have to be learned; 0 means 1000.
	Steps int
	// Context holds weights to use as they are; nil draws them from the seeds.
	Context *mlctx.Context

	Backend backends.Backend
	BLAS    *native.BLAS

	// Progress, if not nil, hears of every step.
	Progress func(Step)
	// Theta, if not nil, is handed each Gram matrix when it is done.
	Theta func(depth int, seed uint64, g *empirical.Gram) error
}

// Without names parts of a diagnosis to leave out.
type Without struct {
	Signal, Limit, Learning bool
}

// A Step is where a diagnosis stands.
type Step struct {
	Depth       int
	Seed        uint64
	Run, Runs   int // networks, of all
	Tile, Tiles int // of this network's Gram matrix
}

// A Result is a diagnosis. Its JSON form is stable.
type Result struct {
	Model     string   `json:"model"`
	Data      string   `json:"data"`
	DataHash  string   `json:"data_hash"`
	Examples  int      `json:"examples"`
	Outputs   int      `json:"outputs"` // that count
	Of        []int    `json:"of,omitempty"`
	Params    []string `json:"params,omitempty"`
	Joint     bool     `json:"joint,omitempty"`
	Reduction string   `json:"reduction"`
	Dimension int      `json:"dimension"` // of the matrix whose spectrum is given
	DType     string   `json:"dtype"`
	Depths    []Depth  `json:"depths"`
	// Remedies has the network of the last depth as it is, and with each remedy.
	Remedies []Remedy      `json:"remedies,omitempty"`
	Elapsed  time.Duration `json:"elapsed_ns"`
}

// A Depth is the diagnosis of one depth, over seeds.
type Depth struct {
	Depth      int    `json:"depth"` // 0: the network's own
	Parameters int    `json:"parameters"`
	Plan       string `json:"plan"`
	Seeds      []Seed `json:"seeds"`
	// Signal and Limit say what those of the seeds are of; nil if left out.
	Signal *SignalInfo `json:"signal,omitempty"`
	Limit  *LimitInfo  `json:"limit,omitempty"`
}

// A Seed is the diagnosis of one network.
type Seed struct {
	Seed uint64 `json:"seed"`
	// Eigenvalues of Θ, descending.
	Eigenvalues []float64 `json:"eigenvalues"`
	// EigenvalueError is what float arithmetic may move one by, estimated
	// against float64 on a sample of entries.
	EigenvalueError float64             `json:"eigenvalue_error"`
	Precision       empirical.Precision `json:"precision"`
	// Condition is λ_1/λ_min; if not Exact, λ_min is within its error of zero
	// and Condition is a lower bound.
	Condition float64 `json:"condition"`
	Exact     bool    `json:"condition_exact"`
	// MaxRateSum and MaxRateMean are the largest stable learning rates of
	// gradient descent on ½Σ(f−y)² and on ½·mean of (f−y)².
	MaxRateSum    float64 `json:"max_rate_half_sum"`
	MaxRateMean   float64 `json:"max_rate_half_mean"`
	Trace         float64 `json:"trace"` // Σ_n Σ_o Θ(x_n, x_n)[o, o]
	EffectiveRank float64 `json:"effective_rank"`
	// Median is the eigenvalue in the middle: the bulk's.
	Median float64           `json:"median_eigenvalue"`
	Shares []empirical.Share `json:"shares"`
	// Signal, LimitDistance (‖Θ − Θ∞‖/‖Θ∞‖) and Learning are nil where they are
	// left out or there is none.
	Signal        *Signal   `json:"signal,omitempty"`
	LimitDistance *float64  `json:"limit_distance,omitempty"`
	Learning      *Learning `json:"learning,omitempty"`
	Seconds       float64   `json:"seconds"`

	theta []float64 // of the first seed, for the picture
}

// Run diagnoses networks at initialization: for each depth and seed, the NTK on
// the data, its spectrum and what follows from it.
//
// With Mean, rates and condition numbers are those of the [N, N] kernel that all
// outputs share in the infinite-width limit; with Full, of the network's own.
//
// A kernel that is not finite is a [NotFiniteError] where its first op is found.
// When ctx ends it returns what is finished beside the cause.
func Run(ctx context.Context, c Config) (*Result, error) {
	start := time.Now()
	if c.DType == dtypes.InvalidDType {
		c.DType = dtypes.Float32
	}
	if c.Outputs != empirical.Mean && c.Outputs != empirical.Full {
		return nil, fmt.Errorf("diagnose: outputs %q; choose mean or full", c.Outputs)
	}
	x, err := Examples(c.Data, c.DType)
	if err != nil {
		return nil, err
	}
	depths := c.Depths
	if len(depths) == 0 {
		depths = []int{0}
	}
	r := &Result{
		Model: c.Source.Name, Data: c.Data.Describe(), DataHash: c.Data.Hash(), Examples: c.Data.Len(),
		Of: c.Of, Params: c.Params, Joint: c.Joint, Reduction: c.Outputs.String(), DType: c.DType.String(),
	}
	total := len(depths)
	if c.Remedies {
		total += len(models.Remedies())
	}
	for i, d := range depths {
		depth, err := c.depth(ctx, d, i, total, x, r)
		if depth != nil && len(depth.Seeds) > 0 {
			r.Depths = append(r.Depths, *depth)
		}
		r.Elapsed = time.Since(start)
		if err != nil {
			return r, err
		}
	}
	if c.Remedies {
		err = c.tryRemedies(ctx, depths[len(depths)-1], len(depths), total, x, r)
		r.Elapsed = time.Since(start)
	}
	return r, err
}

// Examples returns the inputs of a data set as a batch.
func Examples(s *data.Set, dt dtypes.DType) (empirical.Batch, error) {
	if s.Len() == 0 {
		return nil, fmt.Errorf("diagnose: %s has no examples", s.Name)
	}
	switch dt {
	case dtypes.Float64:
		return empirical.Batch{tensors.FromFlatDataAndDimensions(s.X, s.Shape...)}, nil
	case dtypes.Float32:
		x := make([]float32, len(s.X))
		for i, v := range s.X {
			x[i] = float32(v)
		}
		return empirical.Batch{tensors.FromFlatDataAndDimensions(x, s.Shape...)}, nil
	}
	return nil, fmt.Errorf("diagnose: dtype %s; choose float32 or float64", dt)
}

// depth diagnoses one depth over all seeds.
func (c Config) depth(ctx context.Context, depth, index, depths int, x empirical.Batch, r *Result) (*Depth, error) {
	model, err := c.Source.Build(depth, c.Data.Shape[1:], c.Data.Classes)
	if err != nil {
		return nil, err
	}
	weights := c.Context
	if weights == nil {
		weights = mlctx.New()
	}
	f, err := empirical.New(c.Backend, weights, model, shapes.Make(c.DType, c.Data.Shape[1:]...))
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	opts := empirical.Options{Outputs: c.Outputs, Of: c.Of, Params: c.Params, Joint: c.Joint, Memory: c.Memory, BLAS: c.BLAS}
	plan, err := f.Plan(x.Len(), 0, opts)
	if err != nil {
		return nil, err
	}
	out := &Depth{Depth: depth, Parameters: plan.Parameters, Plan: plan.String()}
	r.Outputs, r.Dimension = plan.O, x.Len()
	if c.Outputs == empirical.Full {
		r.Dimension *= plan.O
	}
	p := &parts{c: &c}
	if err := p.open(ctx, f, model, x, out); err != nil {
		return nil, err
	}
	defer p.close()
	err = c.seeds(ctx, f, x, depth, index, depths, opts, p, out)
	if len(out.Seeds) > 0 {
		err = errors.Join(err, p.finish(out))
	}
	return out, err
}

// seeds diagnoses the networks of one depth, appending to out.
func (c Config) seeds(ctx context.Context, f *empirical.Network, x empirical.Batch, depth, index, depths int, opts empirical.Options, p *parts, out *Depth) error {
	seeds := max(1, c.Seeds)
	for k := range seeds {
		seed := c.Seed + uint64(k)
		step := Step{Depth: depth, Seed: seed, Run: index*seeds + k, Runs: depths * seeds}
		opts.Progress = func(p empirical.Progress) {
			if c.Progress != nil {
				step.Tile, step.Tiles = p.Done, p.Total
				c.Progress(step)
			}
		}
		if c.Context == nil {
			if err := f.Redraw(seed); err != nil {
				return err
			}
		}
		s, err := c.seed(ctx, f, x, depth, seed, opts, p)
		if err != nil {
			return err
		}
		if k > 0 {
			s.theta = nil
		}
		out.Seeds = append(out.Seeds, *s)
	}
	return nil
}

// seed diagnoses one network.
func (c Config) seed(ctx context.Context, f *empirical.Network, x empirical.Batch, depth int, seed uint64, opts empirical.Options, p *parts) (*Seed, error) {
	start := time.Now()
	if c.DebugNaN {
		if err := FindNotFinite(ctx, f, x, depth, seed); err != nil {
			return nil, err
		}
	}
	g, err := f.NTK(ctx, x, nil, opts)
	if err != nil {
		return nil, LocateNotFinite(ctx, f, x, depth, seed, err)
	}
	if c.Theta != nil {
		if err := c.Theta(depth, seed, g); err != nil {
			return nil, err
		}
	}
	precision, err := f.Precision(ctx, x, g, opts)
	if err != nil {
		return nil, err
	}
	n, theta := g.N1, g.Values
	if c.Outputs == empirical.Full {
		theta = predict.Flatten(theta, g.N1, g.O)
		n *= g.O
	}
	spectrum, err := predict.NewSpectrum(ctx, c.BLAS, n, theta)
	if err != nil {
		return nil, err
	}
	spectrum.Error = precision.EigenvalueError(n)
	s := &Seed{
		Seed: seed, Eigenvalues: spectrum.Values, EigenvalueError: spectrum.Uncertainty(), Precision: precision,
		MaxRateSum: spectrum.MaxStableRate(1), MaxRateMean: spectrum.MaxStableRate(g.N1 * g.O),
		EffectiveRank: spectrum.EffectiveRank(), Shares: g.Shares, theta: theta,
	}
	s.Condition, s.Exact = spectrum.Condition()
	for _, sh := range g.Shares {
		s.Trace += sh.Trace
	}
	s.Median = middle(spectrum.Values)
	if err := p.measure(ctx, x, theta, s); err != nil {
		return nil, err
	}
	s.Seconds = time.Since(start).Seconds()
	return s, nil
}
