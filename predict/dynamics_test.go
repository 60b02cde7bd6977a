package predict_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
)

// waves is a smooth deterministic matrix.
func waves(rows, cols int, phase float64) predict.Matrix {
	m := predict.NewMatrix(rows, cols)
	for i := range m.Data {
		m.Data[i] = math.Sin(1.3*float64(i) + phase + 0.1*float64(i*i%17))
	}
	return m
}

// gram returns a·bᵀ/cols by plain loops.
func gram(a, b predict.Matrix) predict.Matrix {
	out := predict.NewMatrix(a.Rows, b.Rows)
	for i := range a.Rows {
		for j := range b.Rows {
			for k := range a.Cols {
				out.Row(i)[j] += a.Row(i)[k] * b.Row(j)[k] / float64(a.Cols)
			}
		}
	}
	return out
}

// TestReductions: a Trace is O times PerOutput, a Full kernel without coupling is
// PerOutput on its diagonal, and the loss's size is a unit of time.
func TestReductions(t *testing.T) {
	const n, m, o = 6, 3, 3
	j, jt, y, f0 := waves(n, 10, 0), waves(m, 10, 2), waves(n, o, 4), waves(n, o, 5)
	theta, cross := gram(j, j), gram(jt, j)
	spread := func(k predict.Matrix) predict.Matrix {
		out := predict.NewMatrix(k.Rows*o, k.Cols*o)
		for i := range out.Rows {
			for j := range out.Cols {
				if i%o == j%o {
					out.Row(i)[j] = k.Row(i / o)[j/o]
				}
			}
		}
		return out
	}
	times := func(k predict.Matrix, s float64) predict.Matrix {
		out := predict.NewMatrix(k.Rows, k.Cols)
		for i, v := range k.Data {
			out.Data[i] = s * v
		}
		return out
	}
	var want []float64
	for i, tc := range []struct {
		name         string
		theta, cross predict.Matrix
		rate         float64
		opts         predict.DynamicsOptions
	}{
		{"per output", theta, cross, 2, predict.DynamicsOptions{}},
		{"trace", times(theta, o), times(cross, o), 2, predict.DynamicsOptions{Kernel: predict.Trace}},
		{"full", spread(theta), spread(cross), 2, predict.DynamicsOptions{Kernel: predict.Full}},
		{"sum", theta, cross, 2. / (n * o), predict.DynamicsOptions{Size: 1}},
		{"size 5", theta, cross, 10. / (n * o), predict.DynamicsOptions{Size: 5}},
	} {
		d, err := predict.NewDynamics(t.Context(), blas(t), tc.theta, f0, y, tc.opts)
		if err != nil {
			t.Fatal(err)
		}
		fs := flows(t, d, tc.rate, 0, 0.5, 30)
		train, err := d.Train(fs...)
		if err != nil {
			t.Fatal(err)
		}
		test, err := d.Test(t.Context(), tc.cross, predict.Matrix{}, fs...)
		if err != nil {
			t.Fatal(err)
		}
		got := append(join(train), join(test)...)
		if i == 0 {
			want = got
		}
		kerneltest.Close(t, tc.name, got, want, 1e-12) // rounding only
	}
}

// TestModeCurves checks curves along eigenvectors with the recursion of every mode,
// times with the flow, and the bounds that eigenvalues give.
func TestModeCurves(t *testing.T) {
	const n, o, steps = 8, 2, 50
	j, y, f0 := waves(n, 15, 0), waves(n, o, 4), waves(n, o, 5)
	d, err := predict.NewDynamics(t.Context(), blas(t), gram(j, j), f0, y, predict.DynamicsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rate := 0.7 * d.MaxRate()
	along := func(m predict.Matrix) predict.Matrix { // Vᵀm by plain loops
		out := predict.NewMatrix(n, o)
		for a := range n {
			for c := range o {
				for i := range n {
					out.Row(a)[c] += d.Modes.Vectors.Row(i)[a] * m.Row(i)[c]
				}
			}
		}
		return out
	}
	u, target := along(f0), along(y)
	for range steps {
		for a, l := range d.Modes.Values {
			for c := range o {
				u.Row(a)[c] += rate * l / (n * o) * (target.Row(a)[c] - u.Row(a)[c])
			}
		}
	}
	f, err := d.Descent(rate, steps)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Projections(f)
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "projections", got[0].Data, u.Data, 1e-12)

	var sum, first float64
	for a, s := range d.Alignment() {
		sum += s
		if a == 0 {
			first = s
		}
	}
	norm := 0.0
	for _, v := range y.Data {
		norm += v * v
	}
	want := (target.Row(0)[0]*target.Row(0)[0] + target.Row(0)[1]*target.Row(0)[1]) / norm
	if !(math.Abs(sum-1) < 1e-12 && math.Abs(first-want) < 1e-12) {
		t.Errorf("alignments sum to %g and begin with %g, want 1 and %g", sum, first, want)
	}
	theta := gram(j, j)
	var inner, k2, y2 float64
	for a := range n {
		for b := range n {
			yy := y.Row(a)[0]*y.Row(b)[0] + y.Row(a)[1]*y.Row(b)[1]
			inner, k2, y2 = inner+theta.Row(a)[b]*yy, k2+theta.Row(a)[b]*theta.Row(a)[b], y2+yy*yy
		}
	}
	if got, want := d.TargetAlignment(), inner/math.Sqrt(k2*y2); !(math.Abs(got-want) < 1e-13) {
		t.Errorf("target alignment %g, want %g", got, want)
	}

	times, err := d.TimeToLearn(rate, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	counts, err := d.StepsToLearn(rate, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	for a := range n {
		if f := flows(t, d, rate, times[a])[0]; !(math.Abs(f.Left[a]-0.1) < 1e-13) {
			t.Errorf("mode %d has %g left at its time to learn, want 0.1", a, f.Left[a])
		}
		after, err1 := d.Descent(rate, int(counts[a]))
		before, err2 := d.Descent(rate, int(counts[a])-1)
		if err1 != nil || err2 != nil || math.Abs(after.Left[a]) > 0.1 || math.Abs(before.Left[a]) <= 0.1 {
			t.Errorf("mode %d: %g left after %g steps and %g one before; want 0.1 between them", a, after.Left[a], counts[a], before.Left[a])
		}
	}
	for _, s := range []float64{0, 1, 10, 300} {
		now, err1 := d.Loss(flows(t, d, rate, s)[0])
		start, err2 := d.Loss(flows(t, d, rate, 0)[0])
		if bound := start * math.Exp(-2*rate*s*d.Contraction()); err1 != nil || err2 != nil || !(now <= bound*(1+1e-12)) {
			t.Errorf("loss %g at %g is above the bound %g", now, s, bound)
		}
	}
}

// TestStability: at the largest rates errors stay bounded, just above they grow.
func TestStability(t *testing.T) {
	theta := predict.Matrix{Rows: 2, Cols: 2, Data: []float64{3, 0, 0, 1}}
	d, err := predict.NewDynamics(t.Context(), blas(t), theta, predict.Matrix{}, waves(2, 1, 0), predict.DynamicsOptions{Ridge: 0.5, Size: 7})
	if err != nil {
		t.Fatal(err)
	}
	const mu = 0.8
	for name, m := range map[string]struct {
		top float64
		run func(rate float64) (predict.Filter, error)
	}{
		"descent":    {d.MaxRate(), func(r float64) (predict.Filter, error) { return d.Descent(r, 20000) }},
		"heavy ball": {d.MaxRateHeavyBall(mu), func(r float64) (predict.Filter, error) { return d.HeavyBall(r, mu, 20000) }},
		"Nesterov":   {d.MaxRateNesterov(mu), func(r float64) (predict.Filter, error) { return d.Nesterov(r, mu, 20000) }},
	} {
		below, err := m.run(0.999 * m.top)
		if err != nil || !(math.Abs(below.Left[0]) < 1e-3) {
			t.Errorf("%s below the largest rate: %g left, %v", name, below.Left[0], err)
		}
		above, err := m.run(1.001 * m.top)
		if err != nil || !(math.Abs(above.Left[0]) > 10) {
			t.Errorf("%s above the largest rate: %g left, %v; want growth", name, above.Left[0], err)
		}
		if _, err := m.run(10 * m.top); err == nil || !strings.Contains(err.Error(), "MaxRate") {
			t.Errorf("%s far above the largest rate: %v; want an error", name, err)
		}
	}
}

// TestSingular: directions of eigenvalue zero are not learned, at infinity too, and
// are reported; a matrix that is no kernel is called so.
func TestSingularDynamics(t *testing.T) {
	ones := predict.Matrix{Rows: 2, Cols: 2, Data: []float64{1, 1, 1, 1}}
	y := predict.Matrix{Rows: 2, Cols: 1, Data: []float64{3, 1}}
	d, err := predict.NewDynamics(t.Context(), blas(t), ones, predict.Matrix{}, y, predict.DynamicsOptions{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	fs := flows(t, d, 1, 0, 1e9, math.Inf(1))
	train, err := d.Train(fs...)
	if err != nil {
		t.Fatal(err)
	}
	test, err := d.Test(t.Context(), predict.Matrix{Rows: 1, Cols: 2, Data: []float64{2, 2}}, predict.Matrix{}, fs[2])
	if err != nil {
		t.Fatal(err)
	}
	// Only the mean, 2, is learned; f(x) = 2·f(X).
	kerneltest.Close(t, "train", join(train), []float64{0, 0, 2, 2, 2, 2}, 1e-15)
	kerneltest.Close(t, "test", join(test), []float64{4}, 1e-15)
	// Of ‖y‖² = 10, (3−1)²/2 = 2 lies along (1, −1).
	if r := d.Report; r.Null != 1 || !r.Explained || !(math.Abs(r.Unlearned-0.2) < 1e-15) || len(r.Notes()) == 0 {
		t.Errorf("report %+v", r)
	}
	if d.Contraction() != 0 {
		t.Errorf("contraction %g, want 0", d.Contraction())
	}
	if times, err := d.TimeToLearn(1, 0.5); err != nil || !math.IsInf(times[1], 1) || math.IsInf(times[0], 1) {
		t.Errorf("times to learn %g, %v; want the second infinite", times, err)
	}
	bad := predict.Matrix{Rows: 2, Cols: 2, Data: []float64{1, 2, 2, 1}}
	if d, err = predict.NewDynamics(t.Context(), blas(t), bad, predict.Matrix{}, y, predict.DynamicsOptions{}); err != nil {
		t.Fatal(err)
	}
	if r := d.Report; r.Explained || r.Negative != 1 || !(math.Abs(r.Lowest+1) < 1e-14) {
		t.Errorf("report %+v of a matrix with eigenvalues 3 and −1", r)
	}
}

// TestRidgeLimit: at infinity a ridge gives kernel ridge regression on train and
// test alike, here for Θ = 2 and r = 1/2 by hand.
func TestRidgeLimit(t *testing.T) {
	two := predict.Matrix{Rows: 1, Cols: 1, Data: []float64{2}}
	y, f0 := predict.Matrix{Rows: 1, Cols: 1, Data: []float64{5}}, predict.Matrix{Rows: 1, Cols: 1, Data: []float64{1}}
	for _, tc := range []struct {
		opts        predict.DynamicsOptions
		train, test float64
	}{
		{predict.DynamicsOptions{Ridge: 0.5}, 1 + 2/2.5*4, 3 / 2.5 * 4},
		{predict.DynamicsOptions{Ridge: 0.25, RelativeRidge: true}, 1 + 2/2.5*4, 3 / 2.5 * 4},
		{predict.DynamicsOptions{Ridge: 0.5, Interpolate: true}, 5, 3 / 2.5 * 4},
	} {
		d, err := predict.NewDynamics(t.Context(), blas(t), two, f0, y, tc.opts)
		if err != nil {
			t.Fatal(err)
		}
		end := flows(t, d, 1, math.Inf(1))
		train, err1 := d.Train(end...)
		test, err2 := d.Test(t.Context(), predict.Matrix{Rows: 1, Cols: 1, Data: []float64{3}}, predict.Matrix{}, end...)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		kerneltest.Close(t, "train", train[0].Data, []float64{tc.train}, 1e-15)
		kerneltest.Close(t, "test", test[0].Data, []float64{tc.test}, 1e-15)
	}
}

func TestDynamicsRefuses(t *testing.T) {
	one := predict.Matrix{Rows: 1, Cols: 1, Data: []float64{1}}
	two := predict.Matrix{Rows: 2, Cols: 2, Data: []float64{1, 0, 0, 1}}
	with := func(theta, f0, y predict.Matrix, o predict.DynamicsOptions) func() error {
		return func() error {
			_, err := predict.NewDynamics(t.Context(), blas(t), theta, f0, y, o)
			return err
		}
	}
	d, err := predict.NewDynamics(t.Context(), blas(t), one, one, one, predict.DynamicsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		run  func() error
		says string
	}{
		"no targets":   {with(one, one, predict.Matrix{}, predict.DynamicsOptions{}), "examples and outputs"},
		"theta":        {with(two, one, one, predict.DynamicsOptions{}), "[2, 2]"},
		"f0":           {with(one, two, one, predict.DynamicsOptions{}), "f0"},
		"NaN":          {with(predict.Matrix{Rows: 1, Cols: 1, Data: []float64{math.NaN()}}, one, one, predict.DynamicsOptions{}), "NaN"},
		"asymmetric":   {with(predict.Matrix{Rows: 2, Cols: 2, Data: []float64{1, 0.5, 0, 1}}, predict.Matrix{}, predict.NewMatrix(2, 1), predict.DynamicsOptions{}), "symmetric"},
		"ridge":        {with(one, one, one, predict.DynamicsOptions{Ridge: -1}), "-1"},
		"reduction":    {with(one, one, one, predict.DynamicsOptions{Kernel: 7}), "7"},
		"time":         {func() error { _, err := d.Flow(1, -1); return err }, "-1"},
		"rate":         {func() error { _, err := d.Flow(math.NaN(), 1); return err }, "NaN"},
		"steps":        {func() error { _, err := d.Descent(1, -3); return err }, "-3"},
		"momentum":     {func() error { _, err := d.Nesterov(1, 1, 3); return err }, "momentum 1"},
		"share":        {func() error { _, err := d.TimeToLearn(1, 2); return err }, "share 2"},
		"test kernel":  {func() error { _, err := d.Test(t.Context(), two, one); return err }, "[2, 2]"},
		"other filter": {func() error { _, err := d.Train(predict.Filter{}); return err }, "0 modes"},
	} {
		if err := c.run(); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", name, err, c.says)
		}
	}
}

func ExampleDynamics() {
	// One example with Θ = 2, loss (f − y)²/2, y = 1: f_t = 1 − e^{−2t}.
	one := predict.Matrix{Rows: 1, Cols: 1, Data: []float64{1}}
	two := predict.Matrix{Rows: 1, Cols: 1, Data: []float64{2}}
	d, err := predict.NewDynamics(context.Background(), native.Gonum(), two, predict.Matrix{}, one, predict.DynamicsOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	half, err := d.Flow(1, math.Log(2)/2)
	if err != nil {
		fmt.Println(err)
		return
	}
	f, err := d.Train(half)
	fmt.Println(f[0].Data, err, d.MaxRate())
	// Output: [0.5] <nil> 1
}
