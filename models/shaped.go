package models

import (
	"fmt"
	"strings"
	"sync"

	gx "github.com/gomlx/gomlx/pkg/core/graph"

	"github.com/gontk/ntk/dual"
)

// DKS returns the activation fn as deep kernel shaping makes it for a plain
// chain of depth layers without biases, of gain 1:
//
//	ψ(x) = γ·(φ(αx + β) + δ),  Q(1) = 1, Q'(1) = 1, C(0) = 0, C'(1) = ζ^{1/depth},
//
// Q and C being the maps of variances and correlations and ζ the slope of the
// whole chain at 1. From relu it makes a leaky ReLU of some negative slope. A
// zero slope means 1.5.
//
// It returns an error for functions it does not know and where no such numbers
// are found.
//
// Source: Martens et al., arXiv 2110.01765, section 10.
func DKS(fn string, depth int, slope float64) (func(x *gx.Node) *gx.Node, error) {
	return shaping{"dks", fn, depth, slope}.function()
}

// TAT is as [DKS] for a smooth fn, by the conditions of tailored activation
// transformation,
//
//	Q(1) = 1,  Q'(1) = 1,  C'(1) = 1,  C″(1) = τ/depth.
//
// A zero curvature τ means 0.3.
//
// Source: Zhang, Botev, Martens, arXiv 2203.08120, section 4.
func TAT(fn string, depth int, curvature float64) (func(x *gx.Node) *gx.Node, error) {
	return shaping{"tat", fn, depth, curvature}.function()
}

// TReLU returns the leaky ReLU γ·(max(x, 0) + a·min(x, 0)) under which a plain
// chain of depth layers, of gain 1, takes orthogonal inputs to the correlation
// given; 0 means 0.9.
//
// Source: Zhang, Botev, Martens, arXiv 2203.08120, section 3.
func TReLU(depth int, correlation float64) (func(x *gx.Node) *gx.Node, error) {
	return shaping{"trelu", "relu", depth, correlation}.function()
}

// A shaping is what a shaped activation is found from.
type shaping struct {
	method, fn string
	depth      int
	value      float64
}

// A shapable function is known to GoMLX and to dual.
type shapable struct {
	build func(x *gx.Node) *gx.Node
	dual  func() *dual.Activation
}

var shapables = map[string]shapable{
	"relu":     {ReLU, dual.ReLU},
	"tanh":     {gx.Tanh, dual.Tanh},
	"sigmoid":  {gx.Sigmoid, dual.Sigmoid},
	"softplus": {Softplus, dual.Softplus},
	"swish":    {Swish, dual.SiLU},
	"selu":     {SELU, dual.SELU},
	"elu":      {func(x *gx.Node) *gx.Node { return ELU(x, 1) }, func() *dual.Activation { return dual.ELU(1) }},
	"gelu":     {func(x *gx.Node) *gx.Node { return GELU(x, false) }, dual.GELU},
	"erf":      {gx.Erf, func() *dual.Activation { return dual.Erf(1, 1, 0) }},
	"sin":      {gx.Sin, func() *dual.Activation { return dual.Sin(1, 1, 0) }},
}

// solved keeps what [shaping.solve] found: a Spec asks several times, and in
// every layer.
var solved sync.Map // shaping → func() (*dual.Shaped, error)

// solve finds the numbers.
func (s shaping) solve() (*dual.Shaped, error) {
	once, _ := solved.LoadOrStore(s, sync.OnceValues(func() (*dual.Shaped, error) {
		f, ok := shapables[s.fn]
		if !ok {
			names := sortedKeys(shapables)
			return nil, fmt.Errorf("unknown fn %q%s; known are %s", s.fn, didYouMean(s.fn, names), join(names))
		}
		if s.depth < 1 || s.depth > maxDepth {
			return nil, fmt.Errorf("depth is %d; it must be from 1 to %d", s.depth, maxDepth)
		}
		var found *dual.Shaped
		var err error
		switch s.method {
		case "dks":
			found, err = dual.DKS(f.dual(), s.depth, s.value)
		case "tat":
			found, err = dual.TAT(f.dual(), s.depth, s.value)
		default:
			found, err = dual.TReLU(s.depth, s.value)
		}
		if err != nil {
			return nil, fmt.Errorf("%s", strings.TrimPrefix(err.Error(), "dual: "))
		}
		return found, nil
	}))
	return once.(func() (*dual.Shaped, error))()
}

// function returns γ·(φ(αx + β) + δ).
func (s shaping) function() (func(x *gx.Node) *gx.Node, error) {
	found, err := s.solve()
	if err != nil {
		return nil, fmt.Errorf("models: %s: %w", s.method, err)
	}
	phi := shapables[s.fn].build
	if s.fn == "relu" {
		phi = func(x *gx.Node) *gx.Node { return ABReLU(x, found.Base.Params[0], 1) }
	}
	return func(x *gx.Node) *gx.Node {
		return scale(plus(phi(plus(scale(x, found.Alpha), found.Beta)), found.Delta), found.Gamma)
	}, nil
}

// A shapedLayer is one of dks, tat and trelu.
type shapedLayer interface{ shaping() shaping }

func shapedShape(l shapedLayer, in []int) ([]int, error) {
	_, err := l.shaping().solve()
	return in, err
}

func shapedBuild(l shapedLayer, x *gx.Node) *gx.Node {
	f, err := l.shaping().function()
	if err != nil { // shape reports it
		panic(err)
	}
	return f(x)
}

type dks struct {
	Fn    string  `json:"fn" spec:"required"`
	Depth int     `json:"depth" spec:"required"`
	Slope float64 `json:"slope"`
	elementwise
}

// Op implements Layer.
func (*dks) Op() string { return "dks" }

func (l *dks) shaping() shaping { return shaping{"dks", l.Fn, l.Depth, l.Slope} }

func (l *dks) shape(_ *check, in []int) ([]int, error) { return shapedShape(l, in) }

func (l *dks) build(_ *builder, x *gx.Node) *gx.Node { return shapedBuild(l, x) }

type tat struct {
	Fn        string  `json:"fn" spec:"required"`
	Depth     int     `json:"depth" spec:"required"`
	Curvature float64 `json:"curvature"`
	elementwise
}

// Op implements Layer.
func (*tat) Op() string { return "tat" }

func (l *tat) shaping() shaping { return shaping{"tat", l.Fn, l.Depth, l.Curvature} }

func (l *tat) shape(_ *check, in []int) ([]int, error) { return shapedShape(l, in) }

func (l *tat) build(_ *builder, x *gx.Node) *gx.Node { return shapedBuild(l, x) }

type trelu struct {
	Depth       int     `json:"depth" spec:"required"`
	Correlation float64 `json:"correlation"`
	elementwise
}

// Op implements Layer.
func (*trelu) Op() string { return "trelu" }

func (l *trelu) shaping() shaping { return shaping{"trelu", "relu", l.Depth, l.Correlation} }

func (l *trelu) shape(_ *check, in []int) ([]int, error) { return shapedShape(l, in) }

func (l *trelu) build(_ *builder, x *gx.Node) *gx.Node { return shapedBuild(l, x) }
