package predict_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/predict"
)

func oracleFlow(t *testing.T, c oracleCase, a arrays) {
	y := a.matrix("y_train")
	loss := predict.SquaredLoss(y, 0)
	if strings.Contains(c.Loss, "log_softmax") {
		loss = predict.CrossEntropy(y, 0)
	}
	opts := predict.LossFlowOptions{Rate: c.Rate, Tol: 1e-10, Kernel: a.reduction("k_train_train")}
	if c.Momentum != nil {
		opts.Momentum = *c.Momentum
	}
	l, err := predict.NewLossFlow(blas(t), a.kernel("k_train_train"), a.matrix("f0_train"), loss, opts)
	if err != nil {
		t.Fatal(err)
	}
	var train, test []float64
	s := l.Start()
	for _, at := range a.matrix("t").Data {
		if err := l.Advance(t.Context(), s, at); err != nil {
			t.Fatal(err)
		}
		g, err := l.Test(a.kernel("k_test_train"), a.matrix("f0_test"), s)
		if err != nil {
			t.Fatal(err)
		}
		train, test = append(train, s.Outputs.Data...), append(test, g.Data...)
	}
	c.Check(t, "ref_train", train, a.all["ref_train"])
	c.Check(t, "ref_test", test, a.all["ref_test"])
}

// TestLossFlowSquared compares with the closed form, for every reduction.
func TestLossFlowSquared(t *testing.T) {
	const n, m, o = 6, 3, 2
	j, jt, f0, g0, y := waves(n, 10, 0), waves(m, 10, 2), waves(n, o, 1), waves(m, o, 3), waves(n, o, 4)
	full, cross := waves(n*o, 20, 0), waves(m*o, 20, 2)
	for _, c := range []struct {
		kernel       predict.Reduction
		theta, cross predict.Matrix
		size         float64
	}{
		{predict.PerOutput, gram(j, j), gram(jt, j), 0},
		{predict.Trace, gram(j, j), gram(jt, j), 1},
		{predict.Full, gram(full, full), gram(cross, full), 3},
	} {
		d, err := predict.NewDynamics(t.Context(), blas(t), c.theta, f0, y, predict.DynamicsOptions{Kernel: c.kernel, Size: c.size})
		if err != nil {
			t.Fatal(err)
		}
		l, err := predict.NewLossFlow(blas(t), c.theta, f0, predict.SquaredLoss(y, c.size), predict.LossFlowOptions{Kernel: c.kernel, Rate: 0.7, Tol: 1e-11})
		if err != nil {
			t.Fatal(err)
		}
		s := l.Start()
		for _, at := range []float64{0, 0.1, 5, 60} {
			if err := l.Advance(t.Context(), s, at); err != nil {
				t.Fatal(err)
			}
			f := flows(t, d, 0.7, at)[0]
			train, err1 := d.Train(f)
			test, err2 := d.Test(t.Context(), c.cross, g0, f)
			got, err3 := l.Test(c.cross, g0, s)
			loss, err4 := d.Loss(f)
			if err := errors.Join(err1, err2, err3, err4); err != nil {
				t.Fatal(err)
			}
			// Errors of some hundred steps of 1e-11.
			kerneltest.Close(t, "train", s.Outputs.Data, train[0].Data, 1e-9)
			kerneltest.Close(t, "test", got.Data, test[0].Data, 1e-8)
			if !(math.Abs(l.Loss(s)-loss) <= 1e-9*(1+loss)) {
				t.Errorf("loss %g at %g, want %g", l.Loss(s), at, loss)
			}
		}
	}
}

// TestLossFlowCrossEntropy compares with DOP853 of SciPy at a tolerance of 1e-12,
// and a flow that was stored and resumed with one that was not.
func TestLossFlowCrossEntropy(t *testing.T) {
	r := readReference(t).Flow
	j, jt, f0, g0 := waves(r.N, 10, 0), waves(r.M, 10, 2), waves(r.N, r.O, 1), waves(r.M, r.O, 3)
	y := predict.NewMatrix(r.N, r.O)
	for i := range r.N {
		for o := range r.O {
			y.Row(i)[o] = 0.1 / float64(r.O)
		}
		y.Row(i)[i%r.O] += 0.9
	}
	l, err := predict.NewLossFlow(blas(t), gram(j, j), f0, predict.CrossEntropy(y, 1), predict.LossFlowOptions{Tol: 1e-11})
	if err != nil {
		t.Fatal(err)
	}
	s := l.Start()
	var train, test []float64
	for _, at := range r.T {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		resumed := new(predict.FlowState)
		if err := json.Unmarshal(text, resumed); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Advance(t.Context(), s, at), l.Advance(t.Context(), resumed, at)); err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, "resumed", resumed.Weights.Data, s.Weights.Data, 0)
		g, err := l.Test(gram(jt, j), g0, s)
		if err != nil {
			t.Fatal(err)
		}
		train, test = append(train, s.Outputs.Data...), append(test, g.Data...)
	}
	kerneltest.Close(t, "train", train, r.Train, 1e-9)
	kerneltest.Close(t, "test", test, r.Test, 1e-9)

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	before := s.Time
	if err := l.Advance(cancelled, s, before+10); !errors.Is(err, context.Canceled) || s.Time != before {
		t.Errorf("cancelled at %g: %v, now at %g", before, err, s.Time)
	}
}

// TestLossFlowOrder: with ten thousand times the tolerance errors grow by about that,
// and steps shrink in number by 10⁴ to the power of 1/5.
func TestLossFlowOrder(t *testing.T) {
	one := matrixOf(1, 1, []float64{1})
	var errs, steps []float64
	for _, tol := range []float64{1e-11, 1e-7} {
		l, err := predict.NewLossFlow(blas(t), one, matrixOf(1, 1, []float64{0}), predict.SquaredLoss(one, 1), predict.LossFlowOptions{Tol: tol})
		if err != nil {
			t.Fatal(err)
		}
		s := l.Start()
		if err := l.Advance(t.Context(), s, 5); err != nil {
			t.Fatal(err)
		}
		errs, steps = append(errs, math.Abs(s.Outputs.Data[0]-(1-math.Exp(-5)))), append(steps, float64(s.Steps))
		if !(errs[len(errs)-1] <= 100*tol) {
			t.Errorf("tolerance %g: off by %g", tol, errs[len(errs)-1])
		}
	}
	if ratio := steps[0] / steps[1]; !(ratio > 4 && ratio < 9) { // 10^{4/5} = 6.3
		t.Errorf("%g steps: their ratio %g is not that of order 5", steps, ratio)
	}
}

// TestGradients compares losses' gradients with central differences.
func TestGradients(t *testing.T) {
	const h = 1e-6
	f, y := waves(4, 3, 1), waves(4, 3, 2)
	for name, l := range map[string]predict.Loss{
		"squared": predict.SquaredLoss(y, 2), "squared, mean": predict.SquaredLoss(y, 0),
		"cross-entropy": predict.CrossEntropy(y, 3), "cross-entropy, mean": predict.CrossEntropy(y, 0),
	} {
		got, want := predict.NewMatrix(4, 3), make([]float64, 12)
		l.Gradient(got, f)
		for i := range want {
			up, down := predict.NewMatrix(4, 3), predict.NewMatrix(4, 3)
			copy(up.Data, f.Data)
			copy(down.Data, f.Data)
			up.Data[i] += h
			down.Data[i] -= h
			want[i] = (l.Value(up) - l.Value(down)) / (2 * h)
		}
		kerneltest.Close(t, name, got.Data, want, 1e-8) // h² + ε/h
	}
	// Large logits do not overflow: the loss of a wrong answer by 2000 is 2000.
	sure := matrixOf(1, 2, []float64{1000, -1000})
	if v := predict.CrossEntropy(matrixOf(1, 2, []float64{0, 1}), 1).Value(sure); v != 2000 {
		t.Errorf("cross-entropy %g, want 2000", v)
	}
}

func TestLossFlowRefuses(t *testing.T) {
	one := matrixOf(1, 1, []float64{1})
	loss := predict.SquaredLoss(one, 1)
	l, err := predict.NewLossFlow(blas(t), one, one, loss, predict.LossFlowOptions{MaxSteps: 3})
	if err != nil {
		t.Fatal(err)
	}
	steep, err := predict.NewLossFlow(blas(t), one, matrixOf(1, 1, []float64{5}), loss, predict.LossFlowOptions{MaxSteps: 3})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		run  func() error
		says string
	}{
		"momentum": {func() error {
			_, err := predict.NewLossFlow(blas(t), one, one, loss, predict.LossFlowOptions{Momentum: 1})
			return err
		}, "Momentum 1"},
		"no loss": {func() error {
			_, err := predict.NewLossFlow(blas(t), one, one, predict.Loss{}, predict.LossFlowOptions{})
			return err
		}, "Gradient"},
		"f0": {func() error {
			_, err := predict.NewLossFlow(blas(t), one, predict.Matrix{}, loss, predict.LossFlowOptions{})
			return err
		}, "f0"},
		"infinity": {func() error { return l.Advance(t.Context(), l.Start(), math.Inf(1)) }, "finite"},
		"back":     {func() error { s := l.Start(); s.Time = 3; return l.Advance(t.Context(), s, 2) }, "not before"},
		"state":    {func() error { return l.Advance(t.Context(), &predict.FlowState{}, 2) }, "Outputs of the state"},
		"steps":    {func() error { return steep.Advance(t.Context(), steep.Start(), 1e5) }, "MaxSteps"},
	} {
		if err := c.run(); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", name, err, c.says)
		}
	}
}
