package train_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/models"
	"github.com/gontk/ntk/predict"
	"github.com/gontk/ntk/train"
)

func erfSlope(z float64) float64 { return 2 / math.SqrtPi * math.Exp(-z*z) }

// circle is an odd function on the circle, as networks without biases of erf are.
func circle(n int) (x predict.Matrix, y []float64) {
	x = predict.NewMatrix(n, 2)
	for k := range n {
		t := 2 * math.Pi * float64(k) / float64(n)
		x.Row(k)[0], x.Row(k)[1] = math.Sqrt2*math.Cos(t), math.Sqrt2*math.Sin(t)
		y = append(y, math.Sin(3*t))
	}
	return x, y
}

// TestParticles compares with the same network as a GoMLX model, whose gradients are
// autodiff's: units stay where the Trainer has them.
func TestParticles(t *testing.T) {
	const width, steps, rate, gain = 24, 30, 1.5, 1.3
	x, y := circle(7)
	build, err := models.Lookup("shallow")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := build(models.Config{Width: width, Activation: "erf", WStd: gain, Parameterization: "mean-field", InputShape: []int{2}})
	if err != nil {
		t.Fatal(err)
	}
	model, err := spec.Model()
	if err != nil {
		t.Fatal(err)
	}
	ctx := mlctx.New()
	tr := trainer(t, ctx, model, train.Options{Optimizer: train.SGD(rate).New(), Seed: 5}, dtypes.Float64, 2)
	batch := empirical.Batch{tensors.FromFlatDataAndDimensions(slices.Clone(x.Data), 7, 2)}
	if _, err := tr.Outputs(t.Context(), batch); err != nil { // draws the weights
		t.Fatal(err)
	}
	weights := func() (a, w []float64) {
		for v := range ctx.IterVariables() {
			if !v.Trainable {
				continue
			}
			values := kerneltest.Floats(t, v.MustValue())
			if v.Shape().Dimensions[1] == 1 {
				a = values
			} else { // [d, width]
				for i := range width {
					w = append(w, values[i], values[width+i])
				}
			}
		}
		return a, w
	}
	a, w := weights()
	p := &train.Particles{A: slices.Clone(a), W: predict.Matrix{Rows: width, Cols: 2, Data: slices.Clone(w)}, Gain: gain, Phi: math.Erf, Slope: erfSlope}
	for range steps {
		if _, err := tr.Step(t.Context(), batch, predict.Matrix{Rows: 7, Cols: 1, Data: y}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Descend(t.Context(), x, y, rate, 7, steps); err != nil {
		t.Fatal(err)
	}
	if err := tr.Sync(); err != nil {
		t.Fatal(err)
	}
	moved := distance(a, p.A)
	if !(moved > 0.1) {
		t.Fatalf("units moved by %g: nothing is compared", moved)
	}
	a, w = weights()
	// Sums of 24 and of 7 in another order, and XLA's erf, 30 times.
	kerneltest.Close(t, "a", p.A, a, 1e-12)
	kerneltest.Close(t, "w", p.W.Data, w, 1e-12)
	f, err := p.Outputs(x)
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "outputs", f, outputs(t, tr, batch).Data, 1e-12)
}

// TestMeanFieldLimit holds that n random units are 1/√n from the limit after training,
// in outputs and in the measure of a, and that the limit is one: twice the points leave
// it where it is.
//
// 40 draws give a root mean square to 11 %, and over a factor of 16 in n an exponent to
// 0.05 and less; the next order in 1/n moves it by as much.
func TestMeanFieldLimit(t *testing.T) {
	const points, steps, rate, draws = 1 << 13, 60, 1.0, 40
	x, y := circle(7)
	run := func(p *train.Particles, err error) *train.Particles {
		t.Helper()
		if err == nil {
			err = p.Descend(t.Context(), x, y, rate, 7, steps)
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	limit := run(train.GaussianParticles(points, 2, 1, math.Erf, erfSlope))
	finer := run(train.GaussianParticles(2*points, 2, 1, math.Erf, erfSlope))
	f, _ := limit.Outputs(x)
	g, _ := finer.Outputs(x)
	widths := []float64{64, 256, 1024}
	var output, measure []float64
	for _, n := range widths {
		r := rand.New(rand.NewPCG(uint64(n), 2))
		var outs, ways float64
		for range draws {
			p := &train.Particles{A: normals(r, int(n)), W: predict.Matrix{Rows: int(n), Cols: 2, Data: normals(r, 2*int(n))}, Gain: 1, Phi: math.Erf, Slope: erfSlope}
			at, err := run(p, nil).Outputs(x)
			if err != nil {
				t.Fatal(err)
			}
			outs += math.Pow(distance(at, f), 2)
			ways += math.Pow(train.Wasserstein(p.A, limit.A), 2)
		}
		output, measure = append(output, math.Sqrt(outs/draws)), append(measure, math.Sqrt(ways/draws))
	}
	for name, v := range map[string][]float64{"outputs": output, "measure": measure} {
		slope := math.Log(v[2]/v[0]) / math.Log(widths[2]/widths[0])
		t.Logf("%s: %g, exponent %.3f", name, v, slope)
		if !(math.Abs(slope+0.5) <= 0.1) {
			t.Errorf("%s: distances %g fall with the exponent %.3f, want −1/2", name, v, slope)
		}
	}
	if d := distance(f, g); !(d < output[2]/10) {
		t.Errorf("twice the points move the limit's outputs by %g; networks are %g from it", d, output[2])
	}
	if d := train.Wasserstein(limit.A, finer.A); !(d < measure[2]/10) {
		t.Errorf("twice the points move the limit's measure by %g; networks are %g from it", d, measure[2])
	}
	start, _ := train.GaussianParticles(points, 2, 1, math.Erf, erfSlope)
	if d := train.Wasserstein(start.A, limit.A); !(d > 2*measure[1]) {
		t.Errorf("training moved the measure by %g only: nothing was learned", d)
	}
}

func normals(r *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = r.NormFloat64()
	}
	return v
}

// TestGaussianParticles compares moments with those of N(0, 1): 1, 3 and 15 for the
// second, fourth and sixth, 0 for odd ones and products of coordinates. Random points
// err by √(Var/m), of a² by 0.011, of v²w² by 0.022; these by less, but for the tails,
// where they end at 1/m.
func TestGaussianParticles(t *testing.T) {
	const m = 1 << 14
	p, err := train.GaussianParticles(m, 2, 1, math.Erf, erfSlope)
	if err != nil {
		t.Fatal(err)
	}
	mean := func(of func(a, v, w float64) float64) float64 {
		s := 0.0
		for i, a := range p.A {
			s += of(a, p.W.Row(i)[0], p.W.Row(i)[1]) / m
		}
		return s
	}
	for _, tc := range []struct {
		name      string
		got, want float64
		tol       float64
	}{
		{"E a", mean(func(a, _, _ float64) float64 { return a }), 0, 1e-3},
		{"E a²", mean(func(a, _, _ float64) float64 { return a * a }), 1, 2e-3},
		{"E v⁴", mean(func(_, v, _ float64) float64 { return v * v * v * v }), 3, 0.03},
		{"E w⁶", mean(func(_, _, w float64) float64 { return w * w * w * w * w * w }), 15, 0.6},
		{"E avw", mean(func(a, v, w float64) float64 { return a * v * w }), 0, 1e-2},
		{"E v²w²", mean(func(_, v, w float64) float64 { return v * v * w * w }), 1, 1e-2},
	} {
		if !(math.Abs(tc.got-tc.want) <= tc.tol) {
			t.Errorf("%s = %g, want %g ± %g", tc.name, tc.got, tc.want, tc.tol)
		}
	}
	for _, d := range []int{0, 10} {
		if _, err := train.GaussianParticles(8, d, 1, math.Erf, erfSlope); err == nil {
			t.Errorf("%d dimensions: no error", d)
		}
	}
}

// TestWasserstein compares with distances by hand, and for normal samples of quantiles
// with W_1(N(0, 1), N(0, 4)) = E|z| = √(2/π).
func TestWasserstein(t *testing.T) {
	var one, two []float64
	for i := range 4000 {
		z := math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/4000-1)
		one, two = append(one, z), append(two, 2*z)
	}
	for _, tc := range []struct {
		a, b []float64
		want float64
		tol  float64
	}{
		{[]float64{3, 1, 2}, []float64{2, 3, 1}, 0, 0},
		{[]float64{0, 1}, []float64{5, 6}, 5, 1e-15},
		{[]float64{0, 1}, []float64{0.25}, 0.5, 1e-15},
		{[]float64{0, 3}, []float64{0, 1, 2}, 5.0 / 6, 1e-15}, // quantiles 0,0,0,3,3,3 and 0,0,1,1,2,2
		{one, two, math.Sqrt(2 / math.Pi), 1e-3},              // the tails beyond 1/4000
	} {
		if got := train.Wasserstein(tc.a, tc.b); !(math.Abs(got-tc.want) <= tc.tol) {
			t.Errorf("of %d and %d points: %g, want %g", len(tc.a), len(tc.b), got, tc.want)
		}
		if a, b := train.Wasserstein(tc.a, tc.b), train.Wasserstein(tc.b, tc.a); math.Abs(a-b) > 1e-15 {
			t.Errorf("of %d and %d points: %g, and the other way %g", len(tc.a), len(tc.b), a, b)
		}
	}
	if w := train.Wasserstein(nil, one); !math.IsNaN(w) {
		t.Errorf("of no points: %g", w)
	}
}

// TestParticlesRefuse holds what Descend cannot do.
func TestParticlesRefuse(t *testing.T) {
	x, y := circle(7)
	stopped := errors.New("stopped")
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(stopped)
	for name, tc := range map[string]struct {
		ctx  context.Context
		x    predict.Matrix
		y    []float64
		rate float64
		is   error
	}{
		"targets":  {t.Context(), x, y[:3], 1, nil},
		"features": {t.Context(), predict.NewMatrix(7, 3), y, 1, nil},
		"rate":     {t.Context(), x, y, 1e308, train.ErrDiverged},
		"stopped":  {ended, x, y, 1, stopped},
	} {
		p, err := train.GaussianParticles(16, 2, 1, math.Erf, erfSlope)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Descend(tc.ctx, tc.x, tc.y, tc.rate, 7, 4); err == nil || tc.is != nil && !errors.Is(err, tc.is) {
			t.Errorf("%s: error %v, want %v", name, err, fmt.Sprint(tc.is))
		}
	}
}
