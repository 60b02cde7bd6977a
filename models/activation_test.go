package models_test

import (
	"fmt"
	"math"
	"testing"
)

// An activationCase is an activation with its formula in plain Go, and the
// derivative at 0 that its name promises.
type activationCase struct {
	layer string
	f     func(x float64) float64
	at0   float64
}

func phi(x float64) float64     { return math.Erfc(-x/math.Sqrt2) / 2 }
func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

var activations = []activationCase{
	{`"op": "identity"`, func(x float64) float64 { return x }, 1},
	{`"op": "relu"`, func(x float64) float64 { return math.Max(x, 0) }, 1},
	{`"op": "abs"`, math.Abs, 1}, // GoMLX's choice at a kink, as for relu
	{`"op": "tanh"`, math.Tanh, 1},
	{`"op": "sigmoid"`, sigmoid, 0.25},
	{`"op": "softplus"`, func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, 0.5},
	{`"op": "swish"`, func(x float64) float64 { return x * sigmoid(x) }, 0.5},
	{`"op": "leaky_relu", "alpha": 0.1`, func(x float64) float64 { return math.Max(x, 0) + 0.1*math.Min(x, 0) }, 1},
	{`"op": "abrelu", "a": -0.5, "b": 1.2`, func(x float64) float64 { return 1.2*math.Max(x, 0) - 0.5*math.Min(x, 0) }, 1.2},
	{`"op": "elu", "alpha": 0.7`, func(x float64) float64 {
		if x > 0 {
			return x
		}
		return 0.7 * math.Expm1(x)
	}, 1},
	{`"op": "selu"`, func(x float64) float64 {
		if x > 0 {
			return 1.0507009873554805 * x
		}
		return 1.0507009873554805 * 1.6732632423543772 * math.Expm1(x)
	}, 1.0507009873554805},
	{`"op": "erf", "a": 1.3, "b": 0.7, "c": 0.2`, func(x float64) float64 { return 1.3*math.Erf(0.7*x) + 0.2 }, 1.3 * 0.7 * 2 / math.SqrtPi},
	{`"op": "sin", "a": 1.4, "b": 0.8, "c": 0.6`, func(x float64) float64 { return 1.4 * math.Sin(0.8*x+0.6) }, 1.4 * 0.8 * math.Cos(0.6)},
	{`"op": "cos", "a": 1.4, "b": 0.8, "c": 0.6`, func(x float64) float64 { return 1.4 * math.Cos(0.8*x+0.6) }, -1.4 * 0.8 * math.Sin(0.6)},
	{`"op": "sigmoid_like"`, func(x float64) float64 { return math.Erf(x/2.4020563531719796)/2 + 0.5 }, 1 / (2.4020563531719796 * math.SqrtPi)},
	{`"op": "gelu"`, func(x float64) float64 { return x * phi(x) }, 0.5},
	{`"op": "gelu", "approximate": true`, func(x float64) float64 {
		return x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	}, 0.5},
	{`"op": "rbf", "gamma": 0.7`, func(x float64) float64 { return math.Sqrt2 * math.Sin(math.Sqrt(1.4)*x+math.Pi/4) }, math.Sqrt(1.4)},
	{`"op": "exp", "a": 1.1, "b": 0.5`, func(x float64) float64 { return 1.1 * math.Exp(0.5*x) }, 0.55},
	{`"op": "gaussian", "a": 1.1, "b": -0.5`, func(x float64) float64 { return 1.1 * math.Exp(-0.5*x*x) }, 0},
	{`"op": "gabor"`, func(x float64) float64 { return math.Exp(-x*x) * math.Sin(x) }, 1},
	{`"op": "hermite", "degree": 1`, func(x float64) float64 { return x }, 1},
	{`"op": "hermite", "degree": 2`, func(x float64) float64 { return (x*x - 1) / math.Sqrt2 }, 0},
	{`"op": "hermite", "degree": 3`, func(x float64) float64 { return (x*x*x - 3*x) / math.Sqrt(6) }, -3 / math.Sqrt(6)},
	{`"op": "hermite", "degree": 5`, func(x float64) float64 { return (math.Pow(x, 5) - 10*x*x*x + 15*x) / math.Sqrt(120) }, 15 / math.Sqrt(120)},
	{`"op": "monomial", "degree": 3`, func(x float64) float64 { return x * x * x }, 0},
	{`"op": "rectified_monomial", "degree": 2`, func(x float64) float64 { return math.Max(x, 0) * math.Max(x, 0) }, 0},
	{`"op": "polynomial", "coef": [0.5, 1, -0.3, 0.2]`, func(x float64) float64 { return 0.5 + x - 0.3*x*x + 0.2*x*x*x }, 1},
	{`"op": "polynomial", "coef": [0, -1]`, func(x float64) float64 { return -x }, -1},
	{`"op": "numerical", "fn": "tanh", "deg": 25`, math.Tanh, 1},
}

// TestActivations: values to rounding, derivatives by central differences,
// which err by h² + ε/h, 1e-10 for h = 1e-5 times values below 100.
func TestActivations(t *testing.T) {
	for _, tc := range activations {
		t.Run(tc.layer, func(t *testing.T) {
			x := nd{[]int{1, 9}, []float64{0, -4, -1.5, -0.3, -1e-3, 1e-3, 0.6, 2, 3.7}}
			want, slope := newND(1, 9), newND(1, 9)
			const h = 1e-5
			for i, v := range x.data {
				want.data[i] = tc.f(v)
				slope.data[i] = (tc.f(v+h) - tc.f(v-h)) / (2 * h)
			}
			slope.data[0] = tc.at0
			s := parse(t, "[{"+tc.layer+"}]", "ntk", 9)
			if e := relErr(forward(t, s, nil, x), want); !(e <= 1e-14) {
				t.Errorf("relative error %g, want ≤ 1e-14", e)
			}
			if e := relErr(gradient(t, s, nil, x), slope); !(e <= 1e-8) {
				t.Errorf("derivative: relative error %g, want ≤ 1e-8", e)
			}
		})
	}
	// sign jumps: its derivative is 0 everywhere.
	s := parse(t, `[{"op": "sign"}]`, "ntk", 3)
	x := nd{[]int{1, 3}, []float64{-2, 0, 0.5}}
	if e := relErr(forward(t, s, nil, x), nd{x.dims, []float64{-1, 0, 1}}); e != 0 {
		t.Errorf("sign: error %g", e)
	}
}

// TestActivationRange: no activation overflows where its value does not.
func TestActivationRange(t *testing.T) {
	x := nd{[]int{1, 4}, []float64{-800, -50, 50, 800}}
	for name, f := range map[string]func(x float64) float64{
		"softplus": func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
		"swish":    func(x float64) float64 { return x / (1 + math.Exp(-x)) },
		"selu": func(x float64) float64 {
			return 1.0507009873554805 * (math.Max(x, 0) + 1.6732632423543772*math.Expm1(math.Min(x, 0)))
		},
		"gelu": func(x float64) float64 { return x * phi(x) },
	} {
		s := parse(t, fmt.Sprintf(`[{"op": %q}]`, name), "ntk", 4)
		got := forward(t, s, nil, x)
		for i, v := range x.data {
			if w := f(v); !(math.Abs(got.data[i]-w) <= 1e-13*math.Abs(w)+1e-13) {
				t.Errorf("%s(%g) = %g, want %g", name, v, got.data[i], w)
			}
		}
	}
}
