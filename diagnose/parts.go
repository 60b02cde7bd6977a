package diagnose

import (
	"context"
	"errors"
	"fmt"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/predict"
)

// parts measures what a diagnosis has beside Θ and its spectrum, for one depth.
type parts struct {
	c     *Config
	probe *empirical.SignalProbe
	limit *limited
	y     predict.Matrix
	first []float64 // Gram matrix of the first layer, summed over seeds
	count float64   // of those
}

// open prepares all parts that are not left out.
func (p *parts) open(ctx context.Context, f *empirical.Network, model empirical.Model, x empirical.Batch, out *Depth) (err error) {
	if p.y, err = p.c.targets(); err != nil {
		return err
	}
	p.limit = &limited{}
	if !p.c.Without.Signal || !p.c.Without.Limit {
		p.limit = p.c.derive(model)
	}
	p.probe, out.Signal = p.c.openSignal(f, x, p.limit)
	if out.Limit, err = p.c.openLimit(ctx, p.limit); err != nil {
		return err
	}
	out.Plan += p.plan(f.Outputs())
	return nil
}

// plan says what the parts take of each network.
func (p *parts) plan(outputs int) string {
	text := ""
	if p.probe != nil {
		passes := 1
		if p.probe.HasJacobian() {
			passes += outputs
		}
		text += fmt.Sprintf("signal of %d layers: %d forward and backward passes of %d examples\n", len(p.probe.Layers()), passes, p.probe.Examples())
	}
	if p.limit.theta != nil {
		text += fmt.Sprintf("limit, once: %d pairs of examples, %d numbers each\n", p.limit.n*(p.limit.n+1)/2, p.limit.limit.PairNumbers())
	}
	if p.y.Rows > 0 {
		text += fmt.Sprintf("learning: eigenvectors of a matrix of %d rows\n", p.y.Rows)
	}
	return text
}

func (p *parts) close() {
	if p.probe != nil {
		p.probe.Close()
	}
}

// measure fills in the parts of one network, whose matrix is theta.
func (p *parts) measure(ctx context.Context, x empirical.Batch, theta []float64, s *Seed) error {
	n := x.Len()
	mean := meanKernel(theta, n, len(s.Eigenvalues))
	s.LimitDistance = p.limit.compare(mean, n)
	var err error
	// The mean of O diagonal blocks errs no more than the whole.
	if s.Learning, err = p.c.learn(ctx, mean, p.y, s.EigenvalueError); err != nil {
		return err
	}
	if p.probe == nil {
		return nil
	}
	signal, raw, err := p.c.measureSignal(ctx, p.probe, x)
	if errors.Is(err, empirical.ErrNotFinite) { // squares overflow before Θ does
		return nil
	}
	if err != nil {
		return err
	}
	s.Signal = signal
	if p.first == nil {
		p.first = make([]float64, len(raw.Layers[0].Gram))
	}
	p.count++
	for i, v := range raw.Layers[0].Gram {
		p.first[i] += v
	}
	return nil
}

// finish puts the seeds so far together.
func (p *parts) finish(out *Depth) error {
	if p.limit.theta != nil {
		out.Limit.Distance = finite(relative(p.limit.mean, p.limit.theta, 1/float64(len(out.Seeds))))
	}
	if p.first == nil || p.limit.limit == nil {
		return nil
	}
	first := make([]float64, len(p.first))
	for i, v := range p.first {
		first[i] = v / p.count
	}
	out.Signal.steps = p.limit.limit.Signal()
	if err := out.Signal.predict(first, out.Signal.steps); err != nil {
		out.Signal.Missing = plain(err)
	}
	return nil
}

// meanKernel returns (1/O) Σ_o Θ[o, o], [n, n], from a matrix of dimension rows.
func meanKernel(theta []float64, n, dimension int) []float64 {
	o := dimension / n
	if o <= 1 {
		return theta
	}
	out := make([]float64, n*n)
	for i := range n {
		for j := range n {
			for k := range o {
				out[i*n+j] += theta[(i*o+k)*n*o+j*o+k] / float64(o)
			}
		}
	}
	return out
}

// middle is the median of numbers in order.
func middle(x []float64) float64 {
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}
