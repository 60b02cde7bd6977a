package diagnose

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/limits"
	"github.com/gontk/ntk/predict"
)

// A Signal is how lengths and correlations of examples go through the layers of
// one network, and gradients back; in the order of [SignalInfo.Layers].
type Signal struct {
	Layers []LayerSignal `json:"layers"`
	// Jacobian is that of the outputs with respect to the input; nil if there are
	// too many outputs, or the input is of integers.
	Jacobian *Jacobian `json:"input_jacobian,omitempty"`
}

// A LayerSignal is the signal at z, what a weight makes of activations.
type LayerSignal struct {
	// Length q is the mean of z² over entries and examples, Correlation c that of
	// z·z'/(|z||z'|) over pairs of examples, 0 if an example has z = 0.
	Length      float64 `json:"length"`
	Correlation float64 `json:"correlation"`
	// Gradient is the mean over outputs and examples of ‖∂f_o/∂z‖².
	Gradient float64 `json:"gradient"`
}

// A Jacobian has singular values of ∂f/∂x, means over examples.
type Jacobian struct {
	Largest    float64 `json:"largest"`
	Smallest   float64 `json:"smallest"`
	MeanSquare float64 `json:"mean_square"`
}

// A SignalInfo says what the signals of a depth are of, and what the limit of
// infinite width predicts of them.
type SignalInfo struct {
	// Examples is on how many examples, the first ones, signals are measured.
	Examples int           `json:"examples"`
	Layers   []SignalLayer `json:"layers"`
	// Missing says why nothing is measured, or nothing predicted; empty: all is there.
	Missing string `json:"missing,omitempty"`

	steps []limits.SignalLayer
}

// A SignalLayer is a layer with what its limit says of z' = W φ(z) + b.
type SignalLayer struct {
	Weight string `json:"weight"`
	Shape  []int  `json:"shape"` // of the product, without the batch axis
	// Length and Correlation are predicted from those measured at the first layer;
	// nil where layers are no plain chain.
	Length      *float64 `json:"predicted_length,omitempty"`
	Correlation *float64 `json:"predicted_correlation,omitempty"`
	// Chi is χ = σ_w² E[φ'²] of the step from the layer before, at its predicted
	// length; FixedChi is that at the fixed point, and DepthScale is ξ_c.
	Chi        *float64 `json:"chi,omitempty"`
	FixedChi   *float64 `json:"fixed_chi,omitempty"`
	DepthScale *float64 `json:"correlation_depth,omitempty"`
}

// openSignal prepares the measurement; what stands in the way is said in the info.
func (c *Config) openSignal(f *empirical.Network, x empirical.Batch, l *limited) (*empirical.SignalProbe, *SignalInfo) {
	if c.Without.Signal {
		return nil, nil
	}
	p, err := f.SignalProbe(x.Len(), c.Joint, c.Memory)
	if err != nil {
		return nil, &SignalInfo{Missing: plain(err)}
	}
	info := &SignalInfo{Examples: p.Examples(), Missing: l.missing}
	for _, layer := range p.Layers() {
		info.Layers = append(info.Layers, SignalLayer{Weight: layer.Weight, Shape: layer.Shape})
	}
	return p, info
}

// measureSignal measures one network.
func (c *Config) measureSignal(ctx context.Context, p *empirical.SignalProbe, x empirical.Batch) (*Signal, *empirical.Signal, error) {
	m, err := p.Measure(ctx, x, true)
	if err != nil {
		return nil, nil, err
	}
	s := &Signal{}
	n := p.Examples()
	for _, l := range m.Layers {
		out := LayerSignal{Gradient: l.Gradient}
		for i := range n {
			out.Length += l.Gram[i*n+i] / float64(n)
		}
		for _, pair := range pairs(n) {
			out.Correlation += correlation(l.Gram, n, pair) / float64(len(pairs(n)))
		}
		s.Layers = append(s.Layers, out)
	}
	if m.Jacobian != nil {
		if s.Jacobian, err = c.singular(ctx, m.Jacobian); err != nil {
			return nil, nil, err
		}
	}
	return s, m, nil
}

// pairs are those of n examples that are different.
func pairs(n int) [][2]int {
	var list [][2]int
	for i := range n {
		for j := range i {
			list = append(list, [2]int{i, j})
		}
	}
	return list
}

func correlation(gram []float64, n int, pair [2]int) float64 {
	scale := math.Sqrt(gram[pair[0]*n+pair[0]] * gram[pair[1]*n+pair[1]])
	if scale == 0 {
		return 0
	}
	return gram[pair[0]*n+pair[1]] / scale
}

// singular takes roots of the eigenvalues of ∂f/∂x (∂f/∂x)ᵀ.
func (c *Config) singular(ctx context.Context, squares [][]float64) (*Jacobian, error) {
	j := &Jacobian{}
	for _, a := range squares {
		o := int(math.Round(math.Sqrt(float64(len(a)))))
		s, err := predict.NewSpectrum(ctx, c.BLAS, o, a)
		if err != nil {
			return nil, err
		}
		k := float64(len(squares))
		j.Largest += math.Sqrt(max(0, s.Max())) / k
		j.Smallest += math.Sqrt(max(0, s.Min())) / k
		for _, v := range s.Values {
			j.MeanSquare += max(0, v) / float64(o) / k
		}
	}
	return j, nil
}

// predictedPairs is how many pairs of examples are taken through the maps.
const predictedPairs = 16

// predict fills in what the limit says of the layers behind the first, whose Gram
// matrix, the mean over seeds, is where it starts.
func (info *SignalInfo) predict(first []float64, steps []limits.SignalLayer) error {
	of := map[string]*limits.SignalLayer{}
	for i := range steps {
		of[steps[i].Weight] = &steps[i]
	}
	n := info.Examples
	all := pairs(n)
	var at []limits.Covariance
	for k := range min(predictedPairs, len(all)) {
		p := all[k*len(all)/min(predictedPairs, len(all))]
		at = append(at, limits.Covariance{Q1: first[p[0]*n+p[0]], Q2: first[p[1]*n+p[1]], K: first[p[0]*n+p[1]]})
	}
	chain := len(at) > 0
	fixed := map[string][2]*float64{}
	for i := range info.Layers {
		l := &info.Layers[i]
		step := of[l.Weight]
		if i > 0 && (step == nil || step.Why != "" || len(l.Shape) != 1) {
			chain = false // a map of images is another, of pairs of positions
		}
		if step != nil && step.Why == "" {
			key := fmt.Sprint(step.Activation.Name, step.WeightVariance, step.BiasVariance)
			if _, ok := fixed[key]; !ok {
				fixed[key] = fixedPoint(step)
			}
			l.FixedChi, l.DepthScale = fixed[key][0], fixed[key][1]
		}
		if !chain {
			continue
		}
		if i > 0 {
			before, err := advance(at, step)
			if err != nil {
				return err
			}
			if chi, err := step.Chi1(before); err == nil {
				l.Chi = finite(chi)
			}
		}
		q, c := 0.0, 0.0
		for _, p := range at {
			q += (p.Q1 + p.Q2) / 2 / float64(len(at))
			if s := math.Sqrt(p.Q1 * p.Q2); s > 0 {
				c += p.K / s / float64(len(at))
			}
		}
		l.Length, l.Correlation = finite(q), finite(c)
	}
	return nil
}

// advance takes pairs through a step, and returns their mean length before it.
func advance(at []limits.Covariance, step *limits.SignalLayer) (length float64, err error) {
	for k, p := range at {
		length += (p.Q1 + p.Q2) / 2 / float64(len(at))
		if at[k], err = step.Propagate(p); err != nil {
			return 0, err
		}
	}
	return length, nil
}

// fixedPoint returns χ at q* and ξ_c, nil where there are none.
func fixedPoint(step *limits.SignalLayer) (of [2]*float64) {
	q, err := step.FixedVariance()
	if err != nil || q == 0 {
		return of
	}
	if chi, err := step.Chi1(q); err == nil {
		of[0] = finite(chi)
	}
	if d, err := step.DepthScales(); err == nil {
		of[1] = finite(d.Correlation)
	}
	return of
}

// plain writes an error for a sentence: of a refusal, the op and the reason.
func plain(err error) string {
	if r := (*limits.Refusal)(nil); errors.As(err, &r) {
		if r.Weight != "" {
			return fmt.Sprintf("%s, below weight %s: %s", r.Op, r.Weight, r.Reason)
		}
		return fmt.Sprintf("%s: %s", r.Op, r.Reason)
	}
	return err.Error()
}
