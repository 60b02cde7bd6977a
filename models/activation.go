package models

import (
	"fmt"
	"math"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// ReLU returns max(x, 0). Its derivative at 0 is 1, as everywhere in GoMLX.
func ReLU(x *gx.Node) *gx.Node { return gx.MaxScalar(x, 0.0) }

// ABReLU returns a·min(x, 0) + b·max(x, 0), written with one maximum, so that
// its derivative at 0 is b and not a + b.
func ABReLU(x *gx.Node, a, b float64) *gx.Node {
	return gx.Add(scale(x, a), gx.MulScalar(ReLU(x), b-a))
}

// GELU returns x·Φ(x), or with approximate its usual formula by tanh.
func GELU(x *gx.Node, approximate bool) *gx.Node {
	var phi *gx.Node
	if approximate {
		cubed := gx.Mul(x, gx.Square(x))
		phi = gx.Tanh(gx.MulScalar(gx.Add(x, gx.MulScalar(cubed, 0.044715)), math.Sqrt(2/math.Pi)))
	} else {
		phi = gx.Erf(gx.MulScalar(x, math.Sqrt2/2))
	}
	return gx.Mul(x, gx.MulScalar(gx.AddScalar(phi, 1.0), 0.5))
}

// Softplus returns log(1 + eˣ). It never overflows, and its derivative at 0 is
// 1/2; that of GoMLX's own is 1 there.
func Softplus(x *gx.Node) *gx.Node {
	abs := gx.Abs(x)
	return gx.Add(gx.MulScalar(gx.Add(x, abs), 0.5), gx.Log1p(gx.Exp(gx.Neg(abs))))
}

// ELU returns x for x ≥ 0 and alpha·(eˣ − 1) below.
func ELU(x *gx.Node, alpha float64) *gx.Node {
	pos := ReLU(x)
	return gx.Add(pos, gx.MulScalar(gx.SubScalar(gx.Exp(gx.Sub(x, pos)), 1.0), alpha))
}

// SELU returns λ·ELU(x, α) with the constants of Klambauer et al., arXiv
// 1706.02515, that keep zero mean and unit variance.
func SELU(x *gx.Node) *gx.Node {
	const alpha, lambda = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
	return gx.MulScalar(ELU(x, alpha), lambda)
}

// Swish returns x·sigmoid(x), also called SiLU.
func Swish(x *gx.Node) *gx.Node { return gx.Mul(x, gx.Sigmoid(x)) }

// sigmoidLike is the error function that is closest to the sigmoid.
func sigmoidLike(x *gx.Node) *gx.Node {
	return gx.AddScalar(gx.MulScalar(gx.Erf(gx.MulScalar(x, 1/2.4020563531719796)), 0.5), 0.5)
}

// gabor is exp(−x²) sin x.
func gabor(x *gx.Node) *gx.Node { return gx.Mul(gx.Exp(gx.Neg(gx.Square(x))), gx.Sin(x)) }

// Polynomial returns Σ coef[i] xⁱ. An empty coef is 0.
func Polynomial(x *gx.Node, coef ...float64) *gx.Node {
	switch len(coef) {
	case 0:
		return gx.ZerosLike(x)
	case 1:
		return gx.FillScalar(x.Graph(), x.Shape(), coef[0])
	}
	last := len(coef) - 1
	y := scale(x, coef[last])
	for i := last - 1; i > 0; i-- {
		y = gx.Mul(plus(y, coef[i]), x)
	}
	return plus(y, coef[0])
}

// plus returns x + c.
func plus(x *gx.Node, c float64) *gx.Node {
	if c == 0 {
		return x
	}
	return gx.AddScalar(x, c)
}

// monomial is x^degree, degree ≥ 1.
func monomial(x *gx.Node, degree int) *gx.Node {
	y := x
	for range degree - 1 {
		y = gx.Mul(y, x)
	}
	return y
}

// hermite is He_degree(x)/√(degree!), by the recurrence of the normalized
// polynomials: √(k+1)·h_{k+1} = x·h_k − √k·h_{k−1}.
func hermite(x *gx.Node, degree int) *gx.Node {
	before, h := gx.ZerosLike(x), gx.OnesLike(x)
	for k := range degree {
		next := gx.Mul(x, h)
		if k > 0 {
			next = gx.Sub(next, gx.MulScalar(before, math.Sqrt(float64(k))))
		} else {
			next = x
		}
		before, h = h, scale(next, 1/math.Sqrt(float64(k+1)))
	}
	return h
}

// plainActivations are those without fields.
var plainActivations = map[string]func(x *gx.Node) *gx.Node{
	"identity":     func(x *gx.Node) *gx.Node { return x },
	"relu":         ReLU,
	"abs":          gx.Abs,
	"sign":         gx.Sign,
	"tanh":         gx.Tanh,
	"sigmoid":      gx.Sigmoid,
	"softplus":     Softplus,
	"swish":        Swish,
	"selu":         SELU,
	"sigmoid_like": sigmoidLike,
	"gabor":        gabor,
}

// elementwise is what all activations have in common as layers.
type elementwise struct{ noArrays }

func (elementwise) isElementwise() {}

func (elementwise) shape(_ *check, in []int) ([]int, error) { return in, nil }

type plainActivation struct {
	op string
	elementwise
}

// Op implements Layer.
func (l *plainActivation) Op() string { return l.op }

func (l *plainActivation) build(_ *builder, x *gx.Node) *gx.Node { return plainActivations[l.op](x) }

// waveActivation is a·f(b x + c), c being added outside for erf.
type waveActivation struct {
	op string
	A  float64 `json:"a"`
	B  float64 `json:"b"`
	C  float64 `json:"c"`
	elementwise
}

// Op implements Layer.
func (l *waveActivation) Op() string { return l.op }

func (l *waveActivation) build(_ *builder, x *gx.Node) *gx.Node {
	switch x = scale(x, l.B); l.op {
	case "erf":
		return plus(scale(gx.Erf(x), l.A), l.C)
	case "sin":
		return scale(gx.Sin(plus(x, l.C)), l.A)
	}
	return scale(gx.Cos(plus(x, l.C)), l.A)
}

// expActivation is a·exp(b x), or a·exp(b x²) for gaussian.
type expActivation struct {
	op string
	A  float64 `json:"a"`
	B  float64 `json:"b"`
	elementwise
}

// Op implements Layer.
func (l *expActivation) Op() string { return l.op }

func (l *expActivation) build(_ *builder, x *gx.Node) *gx.Node {
	if l.op == "gaussian" {
		x = gx.Square(x)
	}
	return scale(gx.Exp(scale(x, l.B)), l.A)
}

// slopeActivation is one of leaky_relu and elu.
type slopeActivation struct {
	op    string
	Alpha float64 `json:"alpha" spec:"required"`
	elementwise
}

// Op implements Layer.
func (l *slopeActivation) Op() string { return l.op }

func (l *slopeActivation) build(_ *builder, x *gx.Node) *gx.Node {
	if l.op == "elu" {
		return ELU(x, l.Alpha)
	}
	return ABReLU(x, l.Alpha, 1)
}

type abRelu struct {
	A float64 `json:"a" spec:"required"`
	B float64 `json:"b" spec:"required"`
	elementwise
}

// Op implements Layer.
func (*abRelu) Op() string { return "abrelu" }

func (l *abRelu) build(_ *builder, x *gx.Node) *gx.Node { return ABReLU(x, l.A, l.B) }

type gelu struct {
	Approximate bool `json:"approximate"`
	elementwise
}

// Op implements Layer.
func (*gelu) Op() string { return "gelu" }

func (l *gelu) build(_ *builder, x *gx.Node) *gx.Node { return GELU(x, l.Approximate) }

type rbf struct {
	Gamma float64 `json:"gamma" spec:"required"`
	elementwise
}

// Op implements Layer.
func (*rbf) Op() string { return "rbf" }

func (l *rbf) shape(_ *check, in []int) ([]int, error) {
	if !(l.Gamma >= 0) {
		return nil, fmt.Errorf("gamma is %v; it must not be negative", l.Gamma)
	}
	return in, nil
}

func (l *rbf) build(_ *builder, x *gx.Node) *gx.Node {
	return gx.MulScalar(gx.Sin(gx.AddScalar(gx.MulScalar(x, math.Sqrt(2*l.Gamma)), math.Pi/4)), math.Sqrt2)
}

// powerActivation is one of monomial, rectified_monomial and hermite.
type powerActivation struct {
	op     string
	Degree int `json:"degree" spec:"required"`
	elementwise
}

// Op implements Layer.
func (l *powerActivation) Op() string { return l.op }

func (l *powerActivation) shape(_ *check, in []int) ([]int, error) {
	if l.Degree < 1 || l.Degree > maxDegree {
		return nil, fmt.Errorf("degree is %d; it must be from 1 to %d", l.Degree, maxDegree)
	}
	return in, nil
}

func (l *powerActivation) build(_ *builder, x *gx.Node) *gx.Node {
	switch l.op {
	case "hermite":
		return hermite(x, l.Degree)
	case "rectified_monomial":
		x = ReLU(x)
	}
	return monomial(x, l.Degree)
}

type polynomial struct {
	Coef []float64 `json:"coef" spec:"required"`
	elementwise
}

// Op implements Layer.
func (*polynomial) Op() string { return "polynomial" }

func (l *polynomial) shape(_ *check, in []int) ([]int, error) {
	if len(l.Coef) < 1 || len(l.Coef) > maxDegree+1 {
		return nil, fmt.Errorf("coef has %d entries; it must have from 1 to %d", len(l.Coef), maxDegree+1)
	}
	return in, nil
}

func (l *polynomial) build(_ *builder, x *gx.Node) *gx.Node { return Polynomial(x, l.Coef...) }

// numerical is the activation fn; deg is for kernels that use quadrature.
type numerical struct {
	Fn  string `json:"fn" spec:"required"`
	Deg int    `json:"deg,omitempty"`
	elementwise
}

// Op implements Layer.
func (*numerical) Op() string { return "numerical" }

func (l *numerical) shape(_ *check, in []int) ([]int, error) {
	if plainActivations[l.Fn] == nil {
		names := sortedKeys(plainActivations)
		return nil, fmt.Errorf("unknown fn %q%s; known are %s", l.Fn, didYouMean(l.Fn, names), join(names))
	}
	return in, nil
}

func (l *numerical) build(_ *builder, x *gx.Node) *gx.Node { return plainActivations[l.Fn](x) }
