package dual_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gontk/ntk/dual"
)

// localMaps are the local maps of f at q = 1, by integrals and differences.
func localMaps(f *dual.Activation) dual.LocalMaps {
	var kinks []float64
	for _, k := range f.Kinks {
		kinks = append(kinks, k.At)
	}
	e := func(g func(x float64) float64) float64 { return expect(g, kinks...) }
	mean := e(f.Value)
	q := e(func(x float64) float64 { return f.Value(x) * f.Value(x) })
	const h = 1e-3
	return dual.LocalMaps{
		Q:      q,
		QSlope: e(func(x float64) float64 { return f.Value(x) * f.Slope(x) * x }),
		C0:     mean * mean / q,
		CSlope: e(func(x float64) float64 { return f.Slope(x) * f.Slope(x) }) / q,
		// C″(1) = E[φ″²]; differences of fourth order of φ' err by 1e-13/h.
		CCurvature: e(func(x float64) float64 {
			d := (8*(f.Slope(x+h)-f.Slope(x-h)) - (f.Slope(x+2*h) - f.Slope(x-2*h))) / (12 * h)
			return d * d
		}) / q,
	}
}

// TestShapedMeetConditions integrates what DKS, TAT and TReLU return.
func TestShapedMeetConditions(t *testing.T) {
	check := func(what string, got, want, tol float64) {
		t.Helper()
		if !(math.Abs(got-want) <= tol) {
			t.Errorf("%s = %.15g, want %.15g", what, got, want)
		}
	}
	smooth := []*dual.Activation{dual.Tanh(), dual.Softplus(), dual.SiLU(), dual.GELU(), dual.Erf(1, 1, 0), dual.Sigmoid()}
	for _, depth := range []int{2, 300} {
		for _, f := range append([]*dual.Activation{dual.ELU(1), dual.LeakyReLU(0.1)}, smooth...) {
			s, err := dual.DKS(f, depth, 1.5)
			if err != nil {
				t.Errorf("DKS of %s for depth %d: %v", f.Name, depth, err)
				continue
			}
			m := localMaps(s.Activation)
			n := s.Activation.Name + ": "
			check(n+"Q(1)", m.Q, 1, 1e-11)
			check(n+"Q'(1)", m.QSlope, 1, 1e-11)
			check(n+"C(0)", m.C0, 0, 1e-20)
			check(n+"C'(1)", m.CSlope, math.Pow(1.5, 1/float64(depth)), 1e-11)
			check(n+"reported Q'(1)", s.Maps.QSlope, m.QSlope, 1e-11)
			check(n+"reported C'(1)", s.Maps.CSlope, m.CSlope, 1e-11)
		}
		for _, f := range smooth {
			s, err := dual.TAT(f, depth, 0.3)
			if err != nil {
				t.Errorf("TAT of %s for depth %d: %v", f.Name, depth, err)
				continue
			}
			m := localMaps(s.Activation)
			n := s.Activation.Name + ": "
			check(n+"Q(1)", m.Q, 1, 1e-11)
			check(n+"Q'(1)", m.QSlope, 1, 1e-11)
			check(n+"C'(1)", m.CSlope, 1, 1e-11)
			check(n+"C″(1)", m.CCurvature, 0.3/float64(depth), 1e-9)
			check(n+"reported C″(1)", s.Maps.CCurvature, m.CCurvature, 1e-9)
		}
	}
	for _, tc := range []struct {
		depth int
		eta   float64
	}{{1, 0.2}, {20, 0.5}, {50, 0.9}, {300, 0.9}} {
		s, err := dual.TReLU(tc.depth, tc.eta)
		if err != nil {
			t.Fatal(err)
		}
		a, c := -s.Activation.Value(-1)/s.Activation.Value(1), 0.0
		for range tc.depth { // the C map as the paper prints it
			c += (1 - a) * (1 - a) / (math.Pi * (1 + a*a)) * (math.Sqrt(1-c*c) - c*math.Acos(c))
		}
		check("TReLU C_f(0)", c, tc.eta, 1e-11)
		m := localMaps(s.Activation)
		check("TReLU Q(1)", m.Q, 1, 1e-12)
		check("TReLU C'(1)", m.CSlope, 1, 1e-12)
	}
}

// TestShapesOfAuthors reads parameters that the authors' package found
// (testdata/shapes.py): in ours they must meet the same conditions, to the 1e-6
// or so of its solver, and be what ours finds.
func TestShapesOfAuthors(t *testing.T) {
	data, err := os.ReadFile("testdata/shapes.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Method, Name string
		Depth        int
		Eta          float64
		Params       struct {
			InputScale    *float64 `json:"input_scale"`
			InputShift    float64  `json:"input_shift"`
			OutputScale   float64  `json:"output_scale"`
			OutputShift   float64  `json:"output_shift"`
			NegativeSlope float64  `json:"negative_slope"`
		}
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	functions := map[string]*dual.Activation{
		"tanh": dual.Tanh(), "softplus": dual.Softplus(), "swish": dual.SiLU(), "gelu_exact": dual.GELU(),
		"erf": dual.Erf(1, 1, 0), "sigmoid": dual.Sigmoid(), "elu": dual.ELU(1),
	}
	if len(cases) < 30 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		if testing.Short() && c.Depth != 20 {
			continue // two thirds of three seconds
		}
		f, p := functions[c.Name], c.Params
		if c.Name == "leaky_relu" {
			f = dual.LeakyReLU(p.NegativeSlope)
		}
		alpha := 1.0
		if p.InputScale != nil {
			alpha = *p.InputScale
		}
		g, err := f.Affine(alpha, p.InputShift, p.OutputScale, p.OutputShift)
		if err != nil {
			t.Fatal(err)
		}
		m, err := g.Local()
		if err != nil {
			t.Fatal(err)
		}
		near := func(what string, got, want, tol float64) {
			t.Helper()
			if !(math.Abs(got-want) <= tol) {
				t.Errorf("%s of %s for depth %d: %s = %.9g, want %.9g", c.Method, c.Name, c.Depth, what, got, want)
			}
		}
		near("Q(1)", m.Q, 1, 1e-6)
		if c.Name != "leaky_relu" || c.Method == "DKS" {
			near("Q'(1)", m.QSlope, 1, 1e-6)
		}
		var s *dual.Shaped
		switch {
		case c.Method == "DKS":
			near("C(0)", m.C0, 0, 1e-10)
			near("C'(1)", m.CSlope, math.Pow(1.5, 1/float64(c.Depth)), 1e-6)
			s, err = dual.DKS(f, c.Depth, 1.5)
		case c.Name == "leaky_relu":
			s, err = dual.TReLU(c.Depth, c.Eta)
		default:
			near("C'(1)", m.CSlope, 1, 1e-6)
			near("C″(1)", m.CCurvature, 0.3/float64(c.Depth), 1e-6)
			s, err = dual.TAT(f, c.Depth, 0.3)
		}
		if err != nil {
			t.Fatal(err)
		}
		// −φ, and φ(−x) for the odd ones, solve the equations too.
		near("input scale", s.Alpha, math.Abs(alpha), 1e-6)
		near("input shift", math.Abs(s.Beta), math.Abs(p.InputShift), 1e-5)
		near("output scale", s.Gamma/p.OutputScale, 1, 1e-6)
		if c.Name == "leaky_relu" {
			near("negative slope", s.Base.Params[0], p.NegativeSlope, 1e-6)
		}
	}
}

// TestShapedRefusals: what has no solution says so.
func TestShapedRefusals(t *testing.T) {
	for what, err := range map[string]error{
		"DKS of a line": second(dual.DKS(dual.Identity(), 10, 1.5)),
		// At α → ∞ it is ReLU, with C'(1) = 1/(1 − 1/π) = 1.467.
		"DKS of one bent layer":   second(dual.DKS(dual.Softplus(), 1, 1.5)),
		"DKS beyond |x|":          second(dual.DKS(dual.ReLU(), 1, 2.8)),
		"DKS with ζ = 1":          second(dual.DKS(dual.Tanh(), 10, 1)),
		"DKS without depth":       second(dual.DKS(dual.Tanh(), 0, 1.5)),
		"TAT of ReLU":             second(dual.TAT(dual.ReLU(), 10, 0.3)),
		"TAT with τ < 0":          second(dual.TAT(dual.Tanh(), 10, -1)),
		"TReLU of one layer":      second(dual.TReLU(1, 0.9)),
		"TReLU with η > 1":        second(dual.TReLU(10, 2)),
		"scale 0":                 second(dual.Tanh().Affine(0, 1, 1, 1)),
		"monomial of degree −1":   second(dual.Monomial(-1)),
		"Hermite of degree 10000": second(dual.Hermite(10000)),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestAffine: an affine ReLU is a sum of ReLUs at other places, with jumps told
// by hand; and turning the argument around mirrors everything.
func TestAffine(t *testing.T) {
	got, err := dual.LeakyReLU(0.2).Affine(-2, 0.6, 1.5, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	// 1.5·(leaky(0.6 − 2x) + 0.1): slope −3 left of 0.3 and −0.6 right of it.
	want := lines("by hand", -3, 1.05, [2]float64{2.4, 0.3})
	for _, x := range []float64{-2, 0, 0.29, 0.31, 3} {
		if !(math.Abs(got.Value(x)-want.Value(x)) <= 1e-14) || !(math.Abs(got.Slope(x)-want.Slope(x)) <= 1e-14) {
			t.Errorf("φ(%g) = %g, φ' = %g, want %g, %g", x, got.Value(x), got.Slope(x), want.Value(x), want.Slope(x))
		}
	}
	for _, rho := range []float64{-0.9, 0.2, 0.99} {
		p := dual.Cov(1, 2, rho*math.Sqrt2)
		r, err := got.Dual(p)
		if err != nil {
			t.Fatal(err)
		}
		w, err := want.Dual(p)
		if err != nil {
			t.Fatal(err)
		}
		if !r.Reached || !(math.Abs(r.K-w.K) <= 1e-12) || !(math.Abs(r.Kdot-w.Kdot) <= 1e-12) {
			t.Errorf("ρ = %g: K = %.15g, K̇ = %.15g, reached %v, want %.15g, %.15g", rho, r.K, r.Kdot, r.Reached, w.K, w.Kdot)
		}
	}
}
