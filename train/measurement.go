package train

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/predict"
)

// measure adds the point after s steps.
func (e *evolution) measure(ctx context.Context, s int) error {
	start := time.Now()
	p := Point{Step: s, Epochs: e.order.Epochs(s)}
	if err := e.fits(ctx, &p); err != nil {
		return err
	}
	if err := e.sync(); err != nil {
		return err
	}
	if err := e.kernel(ctx, &p); err != nil {
		return err
	}
	first := &p
	if len(e.points) > 0 {
		first = &e.points[0]
	}
	p.LossBound = finite(e.guaranteed(first, s))
	weights, err := e.net.weights()
	if err != nil {
		return err
	}
	p.WeightChange = finite(rms(weights, e.weights) * math.Sqrt(float64(len(weights))) / norm(e.weights))
	probe, err := e.probe()
	if err != nil {
		return err
	}
	pattern, err := e.net.Pattern(ctx, probe)
	if err != nil {
		return err
	}
	if p.Flipped, err = e.pattern.Flipped(pattern); err != nil {
		return err
	}
	p.Units = pattern.Units
	p.Seconds = time.Since(start).Seconds()
	e.points = append(e.points, p)
	return nil
}

// fits compares outputs with targets and with one another.
func (e *evolution) fits(ctx context.Context, p *Point) error {
	net, err := e.outputs(ctx, e.net)
	if err != nil {
		return err
	}
	p.Network = e.fit(net)
	p.Moved = finite(rms(net.train.Data, e.outputs0.Data))
	if e.linear != nil {
		lin, err := e.outputs(ctx, e.linear)
		if err != nil {
			return err
		}
		p.Linearized = e.prediction(lin, net)
	}
	if i := slices.Index(e.c.At, p.Step); i < e.foresight.Points {
		p.Kernel = e.prediction(outputsOf{e.foresight.train[i], e.foresight.test[i]}, net)
	}
	return nil
}

func (e *evolution) fit(o outputsOf) Fit {
	loss := func(y, f predict.Matrix) *float64 {
		if f.Rows == 0 {
			return nil
		}
		return finite(e.c.Loss.Of(y, e.c.Loss.Size(y.Rows, y.Cols)).Value(f))
	}
	accuracy := func(x Examples, f predict.Matrix) *float64 {
		if f.Rows == 0 || x.Classes == nil {
			return nil
		}
		a, err := predict.Accuracy(predict.Classify(f), x.Classes)
		if err != nil {
			return nil
		}
		return finite(a)
	}
	return Fit{
		Loss: loss(e.c.Train.Y, o.train), Accuracy: accuracy(e.c.Train, o.train),
		TestLoss: loss(e.c.Test.Y, o.test), TestAccuracy: accuracy(e.c.Test, o.test),
	}
}

func (e *evolution) prediction(o, net outputsOf) *Prediction {
	p := &Prediction{Fit: e.fit(o), Gap: finite(rms(o.train.Data, net.train.Data))}
	if net.test.Rows > 0 {
		p.TestGap = finite(rms(o.test.Data, net.test.Data))
	}
	return p
}

// kernel measures Θ of the probe.
func (e *evolution) kernel(ctx context.Context, p *Point) error {
	probe, err := e.probe()
	if err != nil {
		return err
	}
	g, err := e.ntk(ctx, "kernel of the probe", probe, nil, e.c.Outputs)
	if err != nil {
		return err
	}
	if e.c.Theta != nil {
		if err := e.c.Theta(p.Step, g); err != nil {
			return err
		}
	}
	if p.Distance, err = Distance(g.Values, e.theta0); err != nil {
		return err
	}
	if len(e.points) > 0 {
		d, err := Distance(g.Values, e.theta)
		if err != nil {
			return err
		}
		p.Velocity = finite(d / float64(p.Step-e.points[len(e.points)-1].Step))
	}
	e.theta = g.Values
	if err := e.alignments(p, g); err != nil {
		return err
	}
	return e.spectrum(ctx, p, g)
}

// alignments compares Θ, averaged over outputs, with targets and with the start.
func (e *evolution) alignments(p *Point, g *empirical.Gram) error {
	n, o := g.N1, e.c.Train.Y.Cols
	theta, theta0 := g.Values, e.theta0
	if e.c.Outputs == empirical.Full {
		theta, theta0 = meanOver(theta, n, g.O), meanOver(theta0, n, g.O)
	}
	for i := range n {
		p.Trace += theta[i*n+i]
	}
	a, err := CentredAlignment(n, theta, targetKernel(n, o, e.c.Train.Y.Data))
	if err != nil {
		return err
	}
	p.TargetCKA = finite(a)
	if a, err = CentredAlignment(n, theta, theta0); err != nil {
		return err
	}
	p.StartCKA = finite(a)
	return nil
}

// spectrum measures eigenvalues. Their error is that of the start, relative to
// the largest entry: the arithmetic stays what it is.
func (e *evolution) spectrum(ctx context.Context, p *Point, g *empirical.Gram) error {
	n, theta := g.N1, g.Values
	if e.c.Outputs == empirical.Full {
		theta = predict.Flatten(theta, n, g.O)
		n *= g.O
	}
	s, err := predict.NewSpectrum(ctx, e.c.BLAS, n, theta)
	if err != nil {
		return err
	}
	if top := largest(e.theta0); top > 0 {
		s.Error = e.precision.EigenvalueError(n) * largest(theta) / top
	}
	p.Eigenvalues, p.EigenvalueError = s.Values, s.Uncertainty()
	kappa, exact := s.Condition()
	p.Condition, p.Exact, p.EffectiveRank = finite(kappa), exact, s.EffectiveRank()
	p.MaxRate = finite(e.c.stableRate(s, e.order.Batch))
	return nil
}

// stableRate returns the largest stable rate of the optimizer for batches, with
// λ_1 growing like the number of examples from the probe's:
//
//	η < 2(1 + μ)·size(B)·P/(λ_1·B).
func (c *Config) stableRate(s *predict.Spectrum, batch int) float64 {
	if s.Max() <= 0 {
		return math.Inf(1)
	}
	size := c.Loss.Size(batch, c.Train.Y.Cols)
	return 2 * (1 + c.Optimizer.Momentum) * size * float64(c.Probe) / (s.Max() * float64(batch))
}

func largest(a []float64) float64 {
	top := 0.0
	for _, x := range a {
		top = max(top, math.Abs(x))
	}
	return top
}

// weights returns the trained weights, one after another.
func (t *Trainer) weights() ([]float64, error) {
	if err := t.Sync(); err != nil {
		return nil, err
	}
	var all []float64
	for _, v := range t.trained {
		x, err := v.Value()
		if err != nil {
			return nil, err
		}
		w, err := graph.Floats(x)
		if err != nil {
			return nil, err
		}
		all = append(all, w...)
	}
	return all, nil
}

// inputsOf returns the shapes of one example's inputs.
func inputsOf(x empirical.Batch) []shapes.Shape {
	var out []shapes.Shape
	for _, t := range x {
		out = append(out, shapes.Make(t.DType(), t.Shape().Dimensions[1:]...))
	}
	return out
}
