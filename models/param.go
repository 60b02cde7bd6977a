package models

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gontk/ntk/graph"
)

// A Power is a number that depends on a weight's gain σ, fan-in n and fan-out m:
//
//	σ^Gain · n^In · m^Out.
//
// The zero Power is 1.
type Power struct {
	Gain float64 `json:"gain,omitempty"`
	In   float64 `json:"in,omitempty"`
	Out  float64 `json:"out,omitempty"`
}

// At evaluates p.
func (p Power) At(gain float64, in, out int) float64 {
	v := 1.0
	if p.Gain != 0 { // 0^0 is 1, but only where σ does not enter
		v = math.Pow(gain, p.Gain)
	}
	switch p.In { // the usual exponents, correctly rounded
	case -0.5:
		return v / math.Sqrt(float64(in)) * math.Pow(float64(out), p.Out)
	case -1:
		return v / float64(in) * math.Pow(float64(out), p.Out)
	}
	return v * math.Pow(float64(in), p.In) * math.Pow(float64(out), p.Out)
}

// A Scaling says how a weight enters, is drawn and is trained:
//
//	z = S·W h,  W ~ N(0, Tau²),  learning rate Eta relative to the others'.
type Scaling struct {
	S   Power `json:"s"`
	Tau Power `json:"tau"`
	Eta Power `json:"eta"`
}

// A Part holds the scalings of one kind of layer.
type Part struct {
	Weight Scaling `json:"weight"`
	Bias   Scaling `json:"bias"`
}

// A Param is an abc-parameterization as data. The zero Param is [NTK].
//
// Input is for layers that act on the data, Output for the network's last
// weight, Hidden for those between. The gain of a bias is σ_b.
//
// Source: Yang, Hu, Tensor Programs IV, arXiv 2011.14522, section 3.
type Param struct {
	Name                  string
	Input, Hidden, Output Part
	// MaxHidden limits the number of weights between the first and the last,
	// where the parameterization has no limit for more; negative: no limit.
	MaxHidden int
}

func same(name string, p Part) Param { return Param{name, p, p, p, -1} }

// The parameterizations that [ParseParam] knows by name.
var (
	// NTK: s = σ/√n, τ = 1.
	NTK = same("ntk", Part{
		Weight: Scaling{S: Power{Gain: 1, In: -0.5}},
		Bias:   Scaling{S: Power{Gain: 1}},
	})

	// Standard: s = 1, τ = σ/√n. The kernel grows with the width.
	Standard = same("standard", Part{
		Weight: Scaling{Tau: Power{Gain: 1, In: -0.5}},
		Bias:   Scaling{Tau: Power{Gain: 1}},
	})

	// MeanField is for networks with one hidden layer: f = (1/n) Σ a φ(w·x),
	// every hidden unit trained at the rate n.
	//
	// Source: Mei, Montanari, Nguyen, arXiv 1804.06561, eq. (1).
	MeanField = Param{
		Name: "mean-field",
		Input: Part{
			Weight: Scaling{S: Power{Gain: 1, In: -0.5}, Eta: Power{Out: 1}},
			Bias:   Scaling{S: Power{Gain: 1}, Eta: Power{Out: 1}},
		},
		Output: Part{
			Weight: Scaling{S: Power{Gain: 1, In: -1}, Eta: Power{In: 1}},
			Bias:   Scaling{S: Power{Gain: 1}},
		},
	}

	// MuP is the maximal update parameterization for gradient descent: first
	// layer s = √m, τ = σ/√(n m); hidden s = 1, τ = σ/√n; last s = 1/√n,
	// τ = σ/√n.
	//
	// Source: Yang, Hu, arXiv 2011.14522, table 1 (SGD).
	MuP = Param{
		Name: "mup",
		Input: Part{
			Weight: Scaling{S: Power{Out: 0.5}, Tau: Power{Gain: 1, In: -0.5, Out: -0.5}},
			Bias:   mupBias,
		},
		Hidden: Part{
			Weight: Scaling{Tau: Power{Gain: 1, In: -0.5}},
			Bias:   mupBias,
		},
		Output: Part{
			Weight: Scaling{S: Power{In: -0.5}, Tau: Power{Gain: 1, In: -0.5}},
			Bias:   Scaling{S: Power{Gain: 1}},
		},
		MaxHidden: -1,
	}

	// A hidden bias is a first-layer weight whose input is 1.
	mupBias = Scaling{S: Power{Out: 0.5}, Tau: Power{Gain: 1, Out: -0.5}}
)

func params() []Param { return []Param{NTK, Standard, MeanField, MuP} }

// ParseParam returns the parameterization called name: ntk, standard,
// mean-field or mup.
func ParseParam(name string) (Param, error) {
	var names []string
	for _, p := range params() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Param{}, fmt.Errorf("unknown parameterization %q%s; known are %s", name, didYouMean(name, names), strings.Join(names, ", "))
}

// String returns p's name.
func (p Param) String() string { return p.orNTK().Name }

// orNTK makes the zero Param NTK.
func (p Param) orNTK() Param {
	if p == (Param{}) {
		return NTK
	}
	return p
}

// byPosition says whether the parameterization tells the first, hidden and
// last weights apart.
func (p Param) byPosition() bool { return p.Input != p.Hidden || p.Hidden != p.Output }

// A Position is a weight's place in its network.
type Position int

// Positions, as [Param] uses them.
const (
	Hidden Position = iota
	Input
	Output
)

func (p Param) part(at Position) Part {
	switch at {
	case Input:
		return p.Input
	case Output:
		return p.Output
	}
	return p.Hidden
}

// Weights configures the weight matrix and the bias of a layer.
type Weights struct {
	// WStd and BStd are the gains σ_w and σ_b. A nil BStd means no bias; 0 means
	// a bias that starts at zero and, in the NTK parameterization, stays there.
	WStd float64
	BStd *float64
	// Param is the parameterization; the zero value means [NTK].
	Param Param
	At    Position
	// Split is neural-tangents' s = [s0, s1]: of a fan-in n, s0 is the part that
	// the standard parameterization does not scale by: τ = σ/√(n/s0), s = 1/√s0.
	// Zero means 1.
	Split int
	// Family of the distributions, which have the same mean and variance in
	// any; empty means [graph.Normal]. With [graph.Orthogonal] matrices and filters
	// are orthogonal, the heads of attention and the positions of a local
	// convolution each for itself; with [graph.DeltaOrthogonal] filters are that,
	// other matrices orthogonal. Biases and tables are normal with both.
	Family graph.Family
}

// matrix returns s and the distribution of a weight of the given fans.
func (w Weights) matrix(gain float64, in, out int) (s float64, d graph.Distribution) {
	c := w.Param.orNTK().part(w.At).Weight
	s, d = c.S.At(gain, in, out), w.distribution(c, gain, in, out)
	if w.Split > 1 {
		s, d.Tau = s/math.Sqrt(float64(w.Split)), d.Tau*math.Sqrt(float64(w.Split))
	}
	return s, d
}

// bias returns s_b and the distribution of the bias.
func (w Weights) bias(in, out int) (s float64, d graph.Distribution) {
	c := w.Param.orNTK().part(w.At).Bias
	return c.S.At(*w.BStd, in, out), independent(w.distribution(c, *w.BStd, in, out))
}

// independent is d for biases and tables, which are no matrices to multiply by.
func independent(d graph.Distribution) graph.Distribution {
	if !d.Family.Independent() {
		d.Family = graph.Normal
	}
	return d
}

// blockwise is d for a weight that holds several matrices.
func blockwise(d graph.Distribution) graph.Distribution {
	if d.Family == graph.Orthogonal {
		d.Family = graph.OrthogonalBlocks
	}
	return d
}

// filters is d for the filter of a convolution.
func (w Weights) filters(d graph.Distribution) graph.Distribution {
	if w.Family == graph.DeltaOrthogonal {
		d.Family = w.Family
	}
	return d
}

func (w Weights) distribution(c Scaling, gain float64, in, out int) graph.Distribution {
	d := graph.Gaussian(c.Tau.At(gain, in, out))
	d.Eta = c.Eta.At(gain, in, out)
	switch w.Family {
	case "":
	case graph.DeltaOrthogonal: // filters say so themselves
		d.Family = graph.Orthogonal
	default:
		d.Family = w.Family
	}
	return d
}

// Initializers returns the families that the initializer of a [Spec] may name.
func Initializers() []string {
	return []string{string(graph.Normal), string(graph.Uniform), string(graph.Orthogonal), string(graph.DeltaOrthogonal)}
}

// checkFamily refuses families that no network can be drawn from.
func checkFamily(f graph.Family) error {
	known := Initializers()
	if f == "" || slices.Contains(known, string(f)) {
		return nil
	}
	return fmt.Errorf("unknown initializer %q%s; known are %s", f, didYouMean(string(f), known), join(known))
}
