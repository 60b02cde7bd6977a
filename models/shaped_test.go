package models_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/gontk/ntk/models"
)

// A line is N(0, 1) in nodes and weights: panels of Gauss and Legendre's rule on
// [−12, 12] that meet at 0, where ReLU and its like have their kink. What lies
// outside weighs 1e-32.
func line() (x nd, weight []float64) {
	const panels, order = 24, 32
	x = newND(1, panels*order)
	weight = make([]float64, panels*order)
	for p := range panels {
		from := float64(p-panels/2) * 24 / panels
		quad.Legendre{}.FixedLocations(x.data[p*order:(p+1)*order], weight[p*order:(p+1)*order], from, from+24./panels)
	}
	for i, v := range x.data {
		weight[i] *= math.Exp(-v*v/2) / math.Sqrt(2*math.Pi)
	}
	return x, weight
}

// TestShaped: the conditions that define the transforms, on what the model
// computes: its outputs and GoMLX's gradients of them on the nodes of a
// quadrature, second derivatives by differences of gradients.
func TestShaped(t *testing.T) {
	x, weight := line()
	shifted := func(h float64) nd {
		y := newND(x.dims...)
		for i, v := range x.data {
			y.data[i] = v + h
		}
		return y
	}
	for _, tc := range []struct {
		layer             string
		mean, slope, bend float64 // C(0) = mean², C'(1), C″(1); NaN: not a condition
	}{
		{`"op": "dks", "fn": "tanh", "depth": 10`, 0, math.Pow(1.5, 0.1), math.NaN()},
		{`"op": "dks", "fn": "softplus", "depth": 50, "slope": 2`, 0, math.Pow(2, 0.02), math.NaN()},
		{`"op": "dks", "fn": "gelu", "depth": 20`, 0, math.Pow(1.5, 0.05), math.NaN()},
		{`"op": "dks", "fn": "relu", "depth": 5`, 0, math.Pow(1.5, 0.2), math.NaN()},
		{`"op": "dks", "fn": "erf", "depth": 10`, 0, math.Pow(1.5, 0.1), math.NaN()},
		{`"op": "dks", "fn": "sin", "depth": 10`, 0, math.Pow(1.5, 0.1), math.NaN()},
		{`"op": "tat", "fn": "tanh", "depth": 10`, math.NaN(), 1, 0.03},
		{`"op": "tat", "fn": "swish", "depth": 50, "curvature": 0.5`, math.NaN(), 1, 0.01},
		{`"op": "tat", "fn": "sigmoid", "depth": 20`, math.NaN(), 1, 0.015},
		{`"op": "tat", "fn": "gelu", "depth": 20`, math.NaN(), 1, 0.015},
	} {
		t.Run(tc.layer, func(t *testing.T) {
			s := parse(t, "[{"+tc.layer+"}]", "ntk", x.dims[1])
			y, dy := forward(t, s, nil, x), gradient(t, s, nil, x)
			const h = 1e-3
			before, after := gradient(t, s, nil, shifted(-h)), gradient(t, s, nil, shifted(h))
			var mean, q, qSlope, slope, bend float64
			for i, w := range weight {
				mean += w * y.data[i]
				q += w * y.data[i] * y.data[i]
				qSlope += w * y.data[i] * dy.data[i] * x.data[i]
				slope += w * dy.data[i] * dy.data[i]
				second := (after.data[i] - before.data[i]) / (2 * h)
				bend += w * second * second
			}
			near := func(what string, got, want, tol float64) {
				if !math.IsNaN(want) && !(math.Abs(got-want) <= tol) {
					t.Errorf("%s = %.12g, want %.12g", what, got, want)
				}
			}
			// 1e-10 is what dual solves to, for conditions that are of size 1/depth.
			near("Q(1)", q, 1, 1e-10)
			near("Q'(1)", qSlope, 1, 1e-10)
			near("E ψ", mean, tc.mean, 1e-10)
			near("C'(1)", slope/q, tc.slope, 1e-10)
			// Differences err by h²/6 times the fourth derivative, of the size of the second.
			near("C″(1)", bend/q, tc.bend, 1e-5*math.Abs(tc.bend))
		})
	}
}

// TestTReLU: the map of correlations of a leaky ReLU, as the paper prints it,
// with slopes read off the model.
func TestTReLU(t *testing.T) {
	for _, tc := range []struct {
		fields string
		depth  int
		want   float64
	}{{`"depth": 50`, 50, 0.9}, {`"depth": 20, "correlation": 0.5`, 20, 0.5}} {
		s := parse(t, `[{"op": "trelu", `+tc.fields+`}]`, "ntk", 4)
		y := forward(t, s, nil, nd{[]int{1, 4}, []float64{-2, -1, 1, 3}}).data
		a := y[1] / -y[2]
		if !(math.Abs(y[0]-2*y[1]) <= 1e-15) || !(math.Abs(y[3]-3*y[2]) <= 1e-15) {
			t.Errorf("%s: values %v are no leaky ReLU's", tc.fields, y)
		}
		if q := (y[1]*y[1] + y[2]*y[2]) / 2; !(math.Abs(q-1) <= 1e-14) {
			t.Errorf("%s: Q(1) = %g, want 1", tc.fields, q)
		}
		c := 0.0
		for range tc.depth {
			c += (1 - a) * (1 - a) / (math.Pi * (1 + a*a)) * (math.Sqrt(1-c*c) - c*math.Acos(c))
		}
		if !(math.Abs(c-tc.want) <= 1e-11) {
			t.Errorf("%s: orthogonal inputs reach the correlation %.12g, want %g", tc.fields, c, tc.want)
		}
	}
}

// TestShapedChain: 30 layers of width 300 with DKS keep the size of what goes
// through them, and orthogonal inputs orthogonal; with tanh alone both are lost.
func TestShapedChain(t *testing.T) {
	const width, depth = 300, 30
	chain := func(activation string) (size, correlation float64) {
		layers := "[" + strings.Repeat(fmt.Sprintf(`{"op": "dense", "width": %d, "w_std": 1}, {%s},`, width, activation), depth)
		s := parse(t, strings.TrimSuffix(layers, ",")+"]", "ntk", width)
		infos, err := s.Params()
		if err != nil {
			t.Fatal(err)
		}
		a := map[string]nd{}
		for i, p := range infos {
			a[p.Name] = gaussian(uint64(i), p.Shape...)
		}
		x := newND(2, width) // orthogonal, of mean square 1
		for i := range width {
			x.data[i], x.data[width+i] = 1, 1-2*float64(i%2)
		}
		y := forward(t, s, a, x).data
		var q [3]float64
		for i := range width {
			u, v := y[i], y[width+i]
			q[0], q[1], q[2] = q[0]+u*u/width, q[1]+v*v/width, q[2]+u*v/width
		}
		return (q[0] + q[1]) / 2, q[2] / math.Sqrt(q[0]*q[1])
	}
	// A layer of width n moves the size and the correlation by about √(2/n) and
	// 1/√n at random: over 30 layers by 0.45 and 0.32.
	size, correlation := chain(`"op": "dks", "fn": "tanh", "depth": 30`)
	if !(size > 0.4 && size < 2.2) || !(math.Abs(correlation) < 0.7) {
		t.Errorf("dks: mean square %g, correlation %g, want about 1 and 0", size, correlation)
	}
	if size, _ := chain(`"op": "tanh"`); !(size < 0.1) {
		t.Errorf("tanh: mean square %g: this test shows nothing", size)
	}
}

func TestShapedErrors(t *testing.T) {
	for layer, want := range map[string]string{
		`{"op": "dks", "fn": "tahn", "depth": 3}`:              `layer 0 (dks): unknown fn "tahn" (did you mean "tanh"?)`,
		`{"op": "dks", "fn": "tanh"}`:                          `layer 0 (dks): field "depth" is missing`,
		`{"op": "dks", "fn": "tanh", "depth": 0}`:              `layer 0 (dks): depth is 0; it must be from 1 to 10000`,
		`{"op": "dks", "fn": "tanh", "depth": 3, "slope": 1}`:  `layer 0 (dks): DKS of tanh for depth 3 and slope ζ = 1: expected`,
		`{"op": "tat", "fn": "relu", "depth": 3}`:              `layer 0 (tat): TAT of relu: its slope jumps`,
		`{"op": "trelu", "depth": 1}`:                          `layer 0 (trelu): TReLU for correlation η = 0.9: at depth 1 ReLU itself reaches`,
		`{"op": "trelu", "depth": 2000000000}`:                 `layer 0 (trelu): depth is 2000000000`,
		`{"op": "tat", "fn": "tanh", "depth": 3, "slope": 1}`:  `layer 0 (tat): unknown field "slope"`,
		`{"op": "trelu", "depth": 30, "correlation": "large"}`: `field "correlation": want a number`,
	} {
		_, err := models.ParseSpec(strings.NewReader(`{"layers": [` + layer + `], "parameterization": "ntk", "input_shape": [2]}`))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one with %q", layer, err, want)
		}
	}
	if _, err := models.TReLU(3, 2); err == nil {
		t.Error("a correlation of 2 was accepted")
	}
}
