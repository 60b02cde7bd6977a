package predict_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/predict"
)

// gaussianKernel is s·e^{−‖x−x'‖²/(2ℓ²)} by plain loops.
func gaussianKernel(x1, x2 predict.Matrix, scale, length float64) predict.Matrix {
	out := predict.NewMatrix(x1.Rows, x2.Rows)
	for i := range x1.Rows {
		for j := range x2.Rows {
			d := 0.0
			for c, a := range x1.Row(i) {
				d += (a - x2.Row(j)[c]) * (a - x2.Row(j)[c])
			}
			out.Row(i)[j] = scale * math.Exp(-d/(2*length*length))
		}
	}
	return out
}

func within(t *testing.T, name string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*math.Abs(want)) {
		t.Errorf("%s is %.15g, want %.15g to a relative %g", name, got, want, tol)
	}
}

// TestGP compares with scikit-learn's GaussianProcessRegressor. The kernel matrix
// has a condition number of some 100: 1e-11 allows for it.
func TestGP(t *testing.T) {
	r := readReference(t).GP
	x, xs, y := waves(r.N, 3, 0), waves(r.M, 3, 2), matrixOf(r.N, 2, r.Y)
	k, cross, test := gaussianKernel(x, x, r.Scale, r.Length), gaussianKernel(xs, x, r.Scale, r.Length), gaussianKernel(xs, xs, r.Scale, r.Length)
	g, err := predict.NewGP(t.Context(), blas(t), k, y, r.Noise)
	if err != nil {
		t.Fatal(err)
	}
	mean, err := g.Mean(cross)
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "mean", mean.Data, r.Mean, 1e-11)
	cov, err := g.Covariance(cross, test)
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Symmetric(t, "covariance", r.M, cov.Data)
	var diagonal, wantVariance []float64
	for i := range r.M {
		diagonal = append(diagonal, test.Row(i)[i])
		wantVariance = append(wantVariance, cov.Row(i)[i])
		cov.Row(i)[i] += r.Noise // scikit-learn's WhiteKernel is part of the targets
	}
	kerneltest.Close(t, "covariance", cov.Data, r.CovNoisy, 1e-11)
	variance, err := g.Variance(cross, diagonal)
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "variance", variance, wantVariance, 1e-11)
	within(t, "log marginal likelihood", g.LogMarginalLikelihood(), r.LML, 1e-11)

	loo, err := g.LeaveOneOut()
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Close(t, "mean, one left out", loo.Mean.Data, r.LOOMean, 1e-11)
	kerneltest.Close(t, "variance, one left out", loo.Variance, r.LOOVariance, 1e-11)
	within(t, "density, one left out", loo.LogDensity, r.LOODensity, 1e-11)

	unit := gaussianKernel(x, x, 1, r.Length)
	e, err := predict.NewEvidence(t.Context(), blas(t), unit, y)
	if err != nil {
		t.Fatal(err)
	}
	value, byScale, byNoise, err := e.At(r.Scale, r.Noise)
	if err != nil {
		t.Fatal(err)
	}
	within(t, "evidence", value, r.LML, 1e-11)
	kerneltest.Close(t, "its gradient", []float64{byScale, byNoise}, r.Gradient, 1e-11)
	scale, noise, err := e.Maximize(1e-6, 1e3)
	if err != nil {
		t.Fatal(err)
	}
	best, s, n, err := e.At(scale, noise)
	if err != nil {
		t.Fatal(err)
	}
	// scikit-learn's L-BFGS stops at a gradient of 1e-5; ours must not be below it.
	if !(best >= r.BestLML-1e-9*math.Abs(r.BestLML)) || !(math.Abs(s)+math.Abs(n) < 1e-4) {
		t.Errorf("evidence %.12g with gradient (%g, %g) at scale %g and noise %g; scikit-learn reaches %.12g at exp(%g)", best, s, n, scale, noise, r.BestLML, r.BestTheta)
	}
}

func oracleGP(t *testing.T, c oracleCase, a arrays) {
	ridge := func(name string) float64 {
		if c.Absolute {
			return c.Ridge
		}
		return c.Ridge * predict.MeanEigenvalue(a.kernel(name+"_train_train"))
	}
	for prior, name := range map[string]string{"nngp": "nngp", "ntk": "ntkgp"} {
		cross, test := a.kernel(prior+"_test_train"), a.kernel(prior+"_test_test")
		g, err := predict.NewGP(t.Context(), blas(t), a.kernel(prior+"_train_train"), a.matrix("y_train"), ridge(prior))
		if err != nil {
			t.Fatal(err)
		}
		mean, err := g.Mean(cross)
		if err != nil {
			t.Fatal(err)
		}
		cov, err := g.Covariance(cross, test)
		if err != nil {
			t.Fatal(err)
		}
		c.Check(t, name+"_mean", mean.Data, a.all[name+"_mean"])
		c.Check(t, name+"_cov", cov.Data, a.all[name+"_cov"])
	}
	mean, cov := ensembles(t, c, a, "ntk", math.Inf(1))
	c.Check(t, "ntk_mean", mean, a.all["ntk_mean"])
	c.Check(t, "ntk_cov", cov, a.all["ntk_cov"])
}

func oracleEnsemble(t *testing.T, c oracleCase, a arrays) {
	for _, name := range []string{"nngp", "ntk"} {
		mean, cov := ensembles(t, c, a, name, a.matrix("t").Data...)
		c.Check(t, name+"_mean", mean, a.all[name+"_mean"])
		c.Check(t, name+"_cov", cov, a.all[name+"_cov"])
		mean, cov = ensembles(t, c, a, name, math.Inf(1))
		c.Check(t, name+"_mean_inf", mean, a.all[name+"_mean_inf"])
		c.Check(t, name+"_cov_inf", cov, a.all[name+"_cov_inf"])
	}
}

// ensembles returns means and covariances at the given times, one after another.
func ensembles(t *testing.T, c oracleCase, a arrays, flow string, times ...float64) (means, covs []float64) {
	t.Helper()
	d, err := predict.NewDynamics(t.Context(), blas(t), a.kernel(flow+"_train_train"), predict.Matrix{}, a.matrix("y_train"),
		predict.DynamicsOptions{Ridge: c.Ridge, RelativeRidge: !c.Absolute})
	if err != nil {
		t.Fatal(err)
	}
	prior := predict.Prior{Train: a.kernel("nngp_train_train"), Cross: a.kernel("nngp_test_train"), Test: a.kernel("nngp_test_test")}
	if flow == "nngp" {
		for i := range prior.Train.Rows {
			prior.Train.Row(i)[i] += d.Ridge
		}
	}
	rate := c.Rate
	if rate == 0 {
		rate = 1 // time is infinite
	}
	for _, f := range flows(t, d, rate, times...) {
		mean, cov, err := d.Ensemble(a.kernel(flow+"_test_train"), prior, f)
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Symmetric(t, "covariance", cov.Rows, cov.Data)
		means, covs = append(means, mean.Data...), append(covs, cov.Data...)
	}
	return means, covs
}

// TestEnsemble averages over linear models f(x) = x·w started at random: 20 000
// draws, trained by the closed form of each, against mean and covariance of all.
func TestEnsemble(t *testing.T) {
	const n, m, p, draws = 4, 2, 6, 20000
	j, jt, y := waves(n, p, 0), waves(m, p, 2), waves(n, 1, 4)
	theta, cross := gram(j, j), gram(jt, j)
	none, err := predict.NewDynamics(t.Context(), blas(t), theta, predict.Matrix{}, y, predict.DynamicsOptions{Ridge: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	prior := predict.Prior{Train: theta, Cross: cross, Test: gram(jt, jt)}
	f := flows(t, none, 1, 10)[0]
	mean, cov, err := none.Ensemble(cross, prior, f)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	sum, squares := make([]float64, m), make([]float64, m*m)
	for range draws {
		w := predict.NewMatrix(1, p)
		for i := range w.Data {
			w.Data[i] = r.NormFloat64() * math.Sqrt(p) // f = x·w/p has the kernel x·x'/p
		}
		f0, g0 := gram(j, w), gram(jt, w)
		d, err := predict.NewDynamics(t.Context(), blas(t), theta, f0, y, predict.DynamicsOptions{Ridge: 0.1})
		if err != nil {
			t.Fatal(err)
		}
		out, err := d.Test(t.Context(), cross, g0, f)
		if err != nil {
			t.Fatal(err)
		}
		for a, v := range out[0].Data {
			sum[a] += v / draws
			for b, u := range out[0].Data {
				squares[a*m+b] += (v - mean.Data[a]) * (u - mean.Data[b]) / draws
			}
		}
	}
	for a := range m {
		// Five standard errors.
		if e := 5 * math.Sqrt(cov.Row(a)[a]/draws); !(math.Abs(sum[a]-mean.Data[a]) <= e) {
			t.Errorf("mean %d is %g over draws, %g in closed form; more than %g apart", a, sum[a], mean.Data[a], e)
		}
		for b := range m {
			e := 5 * math.Sqrt((cov.Row(a)[a]*cov.Row(b)[b]+cov.Row(a)[b]*cov.Row(a)[b])/draws)
			if got, want := squares[a*m+b], cov.Row(a)[b]; !(math.Abs(got-want) <= e) {
				t.Errorf("covariance [%d, %d] is %g over draws, %g in closed form; more than %g apart", a, b, got, want, e)
			}
		}
	}
}

// TestIntervals: of targets drawn from a process, intervals hold their share, and a
// process with wrong variances is stretched by what it is wrong by.
func TestIntervals(t *testing.T) {
	const n, m, level = 300, 200, 0.9
	x := waves(n+m, 2, 0)
	all := gaussianKernel(x, x, 1, 0.5)
	train, test := make([]int, n), make([]int, m)
	for i := range train {
		train[i] = i
	}
	for i := range test {
		test[i] = n + i
	}
	noisy := predict.NewMatrix(n+m, n+m)
	copy(noisy.Data, all.Data)
	for i := range n + m {
		noisy.Row(i)[i] += 0.04
	}
	l, err := blas(t).Cholesky(n+m, noisy.Data)
	if err != nil {
		t.Fatal(err)
	}
	r, y := rand.New(rand.NewPCG(3, 4)), predict.NewMatrix(n+m, 1)
	for i := range y.Data {
		z := r.NormFloat64()
		for a := i; a < n+m; a++ {
			y.Data[a] += l[a*(n+m)+i] * z
		}
	}
	for _, wrong := range []float64{1, 4} {
		scaled := predict.NewMatrix(n+m, n+m)
		for i, v := range all.Data {
			scaled.Data[i] = v / wrong
		}
		noise := 0.04 / wrong
		g, err := predict.NewGP(t.Context(), blas(t), scaled.Submatrix(train, train), y.Select(train), noise)
		if err != nil {
			t.Fatal(err)
		}
		loo, err := g.LeaveOneOut()
		if err != nil {
			t.Fatal(err)
		}
		factor, err := loo.Calibrate(y.Select(train), level)
		if err != nil {
			t.Fatal(err)
		}
		// The quantile of 300 errors is uncertain by √(0.9·0.1/300) = 0.017 in level,
		// 0.08 of it in the normal quantile; three of these.
		if want := math.Sqrt(wrong); !(math.Abs(factor-want) <= 0.25*want) {
			t.Errorf("variances wrong by %g: factor %g, want about %g", wrong, factor, want)
		}
		cross := scaled.Submatrix(test, train)
		mean, err := g.Mean(cross)
		if err != nil {
			t.Fatal(err)
		}
		diagonal := make([]float64, m)
		for i := range diagonal {
			diagonal[i] = 1 / wrong
		}
		variance, err := g.Variance(cross, diagonal)
		if err != nil {
			t.Fatal(err)
		}
		for i := range variance {
			variance[i] += noise
		}
		iv, err := predict.Intervals(mean, variance, level, factor)
		if err != nil {
			t.Fatal(err)
		}
		// 200 targets: √(0.9·0.1/200) = 0.021, and the quantile's own 0.017.
		if c, err := iv.Coverage(y.Select(test)); err != nil || !(math.Abs(c-level) <= 0.08) {
			t.Errorf("variances wrong by %g: intervals hold %g of targets, %v; want %g ± 0.08", wrong, c, err, level)
		}
	}
	one, err := predict.Intervals(matrixOf(1, 1, []float64{1}), []float64{4}, 0.95, 1)
	if err != nil {
		t.Fatal(err)
	}
	// 1.959964 is the table's quantile.
	if !(math.Abs(one.Low.Data[0]-(1-2*1.959964)) < 1e-6 && math.Abs(one.High.Data[0]-(1+2*1.959964)) < 1e-6) {
		t.Errorf("interval of N(1, 4): %g to %g", one.Low.Data, one.High.Data)
	}
}

func TestPosteriorRefuses(t *testing.T) {
	b, ones, y := blas(t), matrixOf(2, 2, []float64{1, 1, 1, 1}), matrixOf(2, 1, []float64{1, 2})
	id := matrixOf(2, 2, []float64{1, 0, 0, 1})
	g, err := predict.NewGP(t.Context(), b, id, y, 0)
	if err != nil {
		t.Fatal(err)
	}
	e, err := predict.NewEvidence(t.Context(), b, ones, y)
	if err != nil {
		t.Fatal(err)
	}
	d, err := predict.NewDynamics(t.Context(), b, id, y, y, predict.DynamicsOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		run  func() error
		says string
	}{
		"singular": {func() error { _, err := predict.NewGP(t.Context(), b, ones, y, 0); return err }, "raise the noise"},
		"noise":    {func() error { _, err := predict.NewGP(t.Context(), b, id, y, -1); return err }, "-1"},
		"targets":  {func() error { _, err := predict.NewGP(t.Context(), b, id, matrixOf(1, 1, []float64{1}), 0); return err }, "[2, 2]"},
		"cross":    {func() error { _, err := g.Mean(matrixOf(1, 1, []float64{1})); return err }, "[1, 1]"},
		"evidence": {func() error { _, _, _, err := e.At(1, 0); return err }, "raise the noise"},
		"bounds":   {func() error { _, _, err := e.Maximize(0, 1); return err }, "from 0"},
		"ensemble": {func() error {
			_, _, err := d.Ensemble(id, predict.Prior{Train: id, Cross: id, Test: id}, predict.Filter{})
			return err
		}, "zero f0"},
		"level":    {func() error { _, err := predict.Intervals(y, []float64{1, 1}, 1, 1); return err }, "level 1"},
		"variance": {func() error { _, err := predict.Intervals(y, []float64{1, -1}, 0.5, 1); return err }, "-1"},
		"ridge path": {func() error {
			p, err := predict.NewRidgePath(t.Context(), b, ones, y)
			if err != nil {
				return err
			}
			_, err = p.Weights(0)
			return err
		}, "raise the ridge"},
	} {
		if err := c.run(); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", name, err, c.says)
		}
	}
}

func ExampleGP() {
	// Prior variance 1, noise 1, one target of 3 at the same place: half of it, with
	// half of the variance left.
	one := predict.Matrix{Rows: 1, Cols: 1, Data: []float64{1}}
	y := predict.Matrix{Rows: 1, Cols: 1, Data: []float64{3}}
	g, err := predict.NewGP(context.Background(), native.Gonum(), one, y, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	mean, err := g.Mean(one)
	if err != nil {
		fmt.Println(err)
		return
	}
	variance, err := g.Variance(one, []float64{1})
	fmt.Printf("%.3f %.3f %v\n", mean.Data, variance, err)
	// Output: [1.500] [0.500] <nil>
}
