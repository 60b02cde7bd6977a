package cmd

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/diagnose"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph/cost"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/train"
)

// Rates in operations a second, on two cores: of training steps, and of BLAS in
// float64.
const (
	stepRate = 20e9
	blasRate = 40e9
)

// dryEvolve says what evolve would take: the steps of the network and of its
// linearization, and Θ at each measurement and of all training examples. A step is
// three evaluations of f, that of the linearization, with its forward mode, nine.
func (a *app) dryEvolve(v *evolveFlags, s *study, f *empirical.Network, cfg train.Config) error {
	batch := cfg.Batch
	if batch == 0 {
		batch = cfg.Train.Len()
	}
	// The program is recorded at a batch of 2.
	forward := float64(cost.Program(f.Program()).FLOPs) / 2 * float64(batch)
	evaluations := 3.0
	if cfg.Linearize {
		evaluations += 9
	}
	r := dryRun{
		Out: v.out, Seconds: float64(cfg.Steps) * evaluations * forward / stepRate,
		Work: fmt.Sprintf("%d steps of %s on %d of %d examples, Θ of %d of them at %d steps", cfg.Steps, s.source.Name, batch, cfg.Train.Len(), cfg.Probe, len(cfg.At)),
	}
	rows := float64(cfg.Probe)
	if cfg.Outputs == empirical.Full {
		rows *= float64(f.Outputs())
	}
	p, err := f.Plan(cfg.Probe, 0, s.options(cfg.Outputs))
	if err != nil {
		return err
	}
	r.Seconds += float64(len(cfg.At)) * (planSeconds(p) + eigenSeconds(rows))
	// Weights, gradients, those of the linearization, and the examples.
	size := float64(s.dtype.Size())
	r.Memory = max(p.Bytes, toBytes(4*size*float64(f.Parameters()+s.set.Len()*s.set.Features())))
	if cfg.Predict {
		n := cfg.Train.Len()
		o, k := empirical.Mean, float64(n)
		if n*f.Outputs() <= cfg.FullUpTo {
			o, k = empirical.Full, k*float64(f.Outputs())
		}
		q, err := f.Plan(n, 0, s.options(o))
		if err != nil {
			return err
		}
		r.Work += fmt.Sprintf(", and Θ %s of all training examples", o)
		r.Seconds += planSeconds(q) + 10*eigenSeconds(k) // with eigenvectors
		r.Memory = max(r.Memory, q.Bytes, toBytes(6*8*k*k))
	}
	if v.out != "" {
		r.Disk = toBytes(8*rows*rows*float64(len(cfg.At)) + size*float64(f.Parameters()))
	}
	return a.printDryRun(r, s.budget)
}

// dry says what predict would take: kernels at every point of their grid, and what
// the method makes of them in every fold.
func (r *prediction) dry(ctx context.Context) error {
	p, s := r.flags, r.study
	all, n, m := float64(s.set.Len()), float64(len(r.train)), float64(len(r.columns))
	d := dryRun{
		Out: p.out, Memory: toBytes(r.need()),
		Work: fmt.Sprintf("%s on %d examples with %s, %d to test on; %d kernels, %d parameters of the method", p.method, len(r.train), p.kernel, len(r.test), len(p.kernelGrid), len(p.machineGrid)),
	}
	points := float64(len(p.kernelGrid))
	for _, point := range p.kernelGrid {
		switch p.name.kind {
		case empiricalKernel:
			f, err := s.network(point.Depth)
			if err != nil {
				return err
			}
			plan, err := f.Plan(s.set.Len(), len(r.columns), s.options(empirical.Mean))
			_ = f.Close()
			if err != nil {
				return err
			}
			d.Seconds += float64(p.draws) * planSeconds(plan)
			d.Memory = max(d.Memory, plan.Bytes+toBytes(r.need()))
		case limitKernel:
			l, err := (&limitSource{app: r.app, study: s, name: p.name}).derive(point)
			if err != nil {
				return err
			}
			pair, err := r.timeLimit(ctx, l)
			if err != nil {
				return err
			}
			d.Seconds, d.Basis = d.Seconds+pair*(all*m-m*m/2), byPairs
		case featureKernel:
			d.Seconds += 2 * all * m * float64(s.set.Features()) / blasRate
		}
	}
	folds := 1.0
	if points*float64(len(p.machineGrid)) > 1 {
		folds += float64(p.folds)
	}
	switch p.method {
	case "ridge", "gp":
		d.Seconds += points * folds * 10 * eigenSeconds(n)
	case "falkon": // 20 steps of conjugate gradients, two products each
		d.Seconds += points * folds * float64(len(p.machineGrid)) * (20*2*2*n*m + m*m*m) / blasRate
	default:
		d.Work += "; without the steps of the solver, whose number is not known before"
	}
	if p.out != "" {
		d.Disk = toBytes(r.outBytes())
	}
	return r.app.printDryRun(d, s.budget)
}

// outBytes is the size of the arrays in --out: predictions, classes, variances, and
// the kernels that are kept.
func (r *prediction) outBytes() float64 {
	test, columns := float64(len(r.test)), float64(r.teacher.y.Cols)
	if r.study.set.Classes > 0 {
		columns++
	}
	if r.flags.method == "gp" {
		columns++
	}
	kernels := 0.0
	if k := r.flags.name.kind; k == empiricalKernel || k == limitKernel {
		kernels = float64(len(r.flags.kernelGrid)) * float64(r.study.set.Len()) * float64(len(r.columns))
	}
	return 8 * (test*columns + kernels)
}

func (r *prediction) timeLimit(ctx context.Context, l *limits.Limit) (float64, error) {
	x, err := diagnose.Examples(r.study.set, dtypes.Float64)
	if err != nil {
		return 0, err
	}
	return timePairs(ctx, l, x, r.study.budget.Bytes)
}
