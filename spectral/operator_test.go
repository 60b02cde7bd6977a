package spectral

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
)

// A caller runs one of the package's methods on an operator.
type caller struct {
	name string
	run  func(ctx context.Context, op Operator, progress func(Progress)) error
}

var callers = []caller{
	{"Lanczos", func(ctx context.Context, op Operator, p func(Progress)) error {
		_, err := Lanczos(ctx, op, 2, LanczosOptions{Progress: p})
		return err
	}},
	{"LOBPCG", func(ctx context.Context, op Operator, p func(Progress)) error {
		_, err := LOBPCG(ctx, op, 2, LOBPCGOptions{Progress: p})
		return err
	}},
	{"quadrature", func(ctx context.Context, op Operator, p func(Progress)) error {
		_, err := LanczosQuadrature(ctx, op, QuadratureOptions{Progress: p})
		return err
	}},
	{"Hutchinson", func(ctx context.Context, op Operator, p func(Progress)) error {
		_, err := Hutchinson(ctx, op, TraceOptions{Progress: p})
		return err
	}},
	{"Hutch++", func(ctx context.Context, op Operator, p func(Progress)) error {
		_, err := HutchPP(ctx, op, TraceOptions{Progress: p})
		return err
	}},
	{"XTrace", func(ctx context.Context, op Operator, p func(Progress)) error {
		_, err := XTrace(ctx, op, TraceOptions{Progress: p})
		return err
	}},
	{"Nyström", func(ctx context.Context, op Operator, p func(Progress)) error {
		_, err := Nystrom(ctx, op, 10, NystromOptions{Progress: p})
		return err
	}},
	{"solve", func(ctx context.Context, op Operator, p func(Progress)) error {
		_, err := Solve(ctx, op, 0.1, constant(100, 1), 1, SolveOptions{Progress: p})
		return err
	}},
}

// TestBadOperators: what goes wrong inside an operator comes out named, with
// the number of the product; and cancelling stops within one product.
func TestBadOperators(t *testing.T) {
	a := kernel(t, 100)
	failure := errors.New("the disk is on fire")
	for _, c := range callers {
		count := 0
		counting := func(bad func(dst []float64) error) Operator {
			count = 0
			return function{100, func(ctx context.Context, dst, v []float64) error {
				if err := a.MulVec(ctx, dst, v); err != nil {
					return err
				}
				if count++; count == 3 {
					return bad(dst)
				}
				return nil
			}}
		}
		for _, x := range []float64{math.NaN(), math.Inf(1)} {
			err := c.run(context.Background(), counting(func(dst []float64) error { dst[7] = x; return nil }), nil)
			if !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), "product 3") || !strings.Contains(err.Error(), "entry 7") {
				t.Errorf("%s: %g at entry 7 of product 3: %v", c.name, x, err)
			}
		}
		err := c.run(context.Background(), counting(func([]float64) error { return failure }), nil)
		if !errors.Is(err, failure) || !strings.Contains(err.Error(), "product 3") {
			t.Errorf("%s: a failing operator: %v", c.name, err)
		}
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(context.Background())
		err = c.run(ctx, counting(func([]float64) error { cancel(cause); return nil }), nil)
		if !errors.Is(err, cause) || count != 3 {
			t.Errorf("%s: cancelled in product 3: %v after %d products", c.name, err, count)
		}
		cancel(nil)
		for _, op := range []Operator{nil, function{n: 0}} {
			if err := c.run(context.Background(), op, nil); err == nil {
				t.Errorf("%s: accepted the operator %v", c.name, op)
			}
		}
	}
}

// blocks counts products with many vectors, the third of which is spoilt.
type blocks struct {
	*Dense
	passes int
}

func (b *blocks) MulMat(ctx context.Context, dst, v []float64, k int) error {
	b.passes++
	err := b.Dense.MulMat(ctx, dst, v, k)
	if len(dst) > 2*b.Dim()+7 {
		dst[2*b.Dim()+7] = math.NaN()
	}
	return err
}

// TestBlockOperator: one pass serves many vectors, and errors name the one.
func TestBlockOperator(t *testing.T) {
	op := &blocks{Dense: kernel(t, 100)}
	_, err := Hutchinson(context.Background(), op, TraceOptions{Products: 4})
	if !errors.Is(err, ErrNotFinite) || !strings.Contains(err.Error(), "product 3") || !strings.Contains(err.Error(), "entry 7") {
		t.Errorf("NaN at entry 7 of the third vector: %v", err)
	}
	op.passes = 0
	if _, err = Hutchinson(context.Background(), op, TraceOptions{Products: 12, Batch: 2}); err != nil || op.passes != 6 {
		t.Errorf("12 products in pairs took %d passes: %v", op.passes, err)
	}
}

// TestProgress: products counted are products made, and the last call says that
// everything is done.
func TestProgress(t *testing.T) {
	a := gram(t, 100, 130, 1)
	for _, c := range callers {
		count := 0
		op := function{100, func(ctx context.Context, dst, v []float64) error {
			count++
			return a.MulVec(ctx, dst, v)
		}}
		var last Progress
		err := c.run(context.Background(), op, func(p Progress) {
			if p.Products != count || p.Done < 0 || p.Done > p.Total || p.Products < last.Products {
				t.Errorf("%s: progress %+v after %+v, with %d products made", c.name, p, last, count)
			}
			last = p
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if last.Total == 0 || last.Done != last.Total {
			t.Errorf("%s: last progress %+v", c.name, last)
		}
	}
}

// TestBadInput: every refusal is one line that says what was given.
func TestBadInput(t *testing.T) {
	ctx, a := context.Background(), kernel(t, 5)
	nan := math.NaN()
	two := diagonal(t, []float64{1, 2})
	for _, c := range []struct {
		name string
		run  func() error
		says string
	}{
		{"Dense, size", func() error { _, err := NewDense(2, make([]float64, 3)); return err }, "3 entries"},
		{"Dense, NaN", func() error { _, err := NewDense(2, []float64{1, 0, nan, 1}); return err }, "[1, 0]"},
		{"Dense, asymmetric", func() error { _, err := NewDense(2, []float64{1, 2, 3, 1}); return err }, "symmetric"},
		{"Lanczos, k", func() error { _, err := Lanczos(ctx, a, 6, LanczosOptions{}); return err }, "6 eigenpairs"},
		{"Lanczos, no k", func() error { _, err := Lanczos(ctx, a, 0, LanczosOptions{}); return err }, "0 eigenpairs"},
		{"Lanczos, Tol", func() error { _, err := Lanczos(ctx, a, 1, LanczosOptions{Tol: nan}); return err }, "NaN"},
		{"Lanczos, Noise", func() error { _, err := Lanczos(ctx, a, 1, LanczosOptions{Noise: -1}); return err }, "-1"},
		{"Lanczos, Block", func() error { _, err := Lanczos(ctx, a, 1, LanczosOptions{Block: -2}); return err }, "-2"},
		{"LOBPCG, k", func() error { _, err := LOBPCG(ctx, a, 6, LOBPCGOptions{}); return err }, "6 eigenpairs"},
		{"LOBPCG, Start", func() error { _, err := LOBPCG(ctx, a, 1, LOBPCGOptions{Start: []float64{1}}); return err }, "1 numbers"},
		{"LOBPCG, Start NaN", func() error { _, err := LOBPCG(ctx, two, 1, LOBPCGOptions{Start: []float64{1, nan}}); return err }, "entry 1"},
		{"LOBPCG, preconditioner", func() error { _, err := LOBPCG(ctx, a, 1, LOBPCGOptions{Preconditioner: two}); return err }, "dimension 2"},
		{"LOBPCG, Guard", func() error { _, err := LOBPCG(ctx, a, 1, LOBPCGOptions{Guard: -3}); return err }, "-3"},
		{"quadrature, one probe", func() error { _, err := LanczosQuadrature(ctx, a, QuadratureOptions{Probes: 1}); return err }, "Probes 1"},
		{"quadrature, log", func() error {
			q, err := LanczosQuadrature(ctx, diagonal(t, []float64{-1, 2}), QuadratureOptions{})
			if err == nil {
				_, err = q.Trace(math.Log)
			}
			return err
		}, "f(-1"},
		{"density, width", func() error { _, _, err := (&Quadrature{}).Density(0, 0); return err }, "width is 0"},
		{"density, x", func() error { _, _, err := (&Quadrature{}).Density(nan, 1); return err }, "x is NaN"},
		{"cumulative, x", func() error { _, _, err := (&Quadrature{}).Cumulative(nan, 1); return err }, "x is NaN"},
		{"Dense, vector", func() error { return a.MulVec(ctx, make([]float64, 5), make([]float64, 4)) }, "gets 4"},
		{"Dense, vectors", func() error { return a.MulMat(ctx, make([]float64, 5), make([]float64, 10), 2) }, "room for 5"},
		{"Nyström, vectors", func() error { _, err := (&LowRank{Dim: 3, Values: []float64{1}}).Preconditioner(1); return err }, "0 numbers"},
		{"cumulative, width", func() error { _, _, err := (&Quadrature{}).Cumulative(0, nan); return err }, "width is NaN"},
		{"Hutchinson, products", func() error { _, err := Hutchinson(ctx, a, TraceOptions{Products: 1}); return err }, "at least 2"},
		{"Hutch++, products", func() error { _, err := HutchPP(ctx, a, TraceOptions{Products: 5}); return err }, "at least 6"},
		{"XTrace, products", func() error { _, err := XTrace(ctx, a, TraceOptions{Products: -1}); return err }, "at least 4"},
		{"trace, Batch", func() error { _, err := XTrace(ctx, a, TraceOptions{Batch: -1}); return err }, "Batch -1"},
		{"Nyström, rank", func() error { _, err := Nystrom(ctx, a, 6, NystromOptions{}); return err }, "rank 6"},
		{"Nyström, ρ", func() error { _, err := (&LowRank{Dim: 3}).Preconditioner(0); return err }, "ρ is 0"},
		{"solve, b", func() error { _, err := Solve(ctx, a, 1, []float64{1}, 1, SolveOptions{}); return err }, "1 numbers"},
		{"solve, no b", func() error { _, err := Solve(ctx, a, 1, nil, 0, SolveOptions{}); return err }, "at least one"},
		{"solve, b NaN", func() error { _, err := Solve(ctx, two, 1, []float64{0, 0, nan, 0}, 2, SolveOptions{}); return err }, "entry 0 of vector 1"},
		{"solve, ρ", func() error { _, err := Solve(ctx, two, -1, []float64{1, 1}, 1, SolveOptions{}); return err }, "ρ is -1"},
		{"solve, Start", func() error {
			_, err := Solve(ctx, two, 1, []float64{1, 1}, 1, SolveOptions{Start: []float64{1}})
			return err
		}, "Start has 1"},
		{"solve, preconditioner", func() error {
			_, err := Solve(ctx, two, 1, []float64{1, 1}, 1, SolveOptions{Preconditioner: a})
			return err
		}, "dimension 5"},
	} {
		err := c.run()
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", c.name, err, c.says)
		}
	}
}

// TestInputsUnmodified: nothing that callers hand in is written to.
func TestInputsUnmodified(t *testing.T) {
	ctx, n := context.Background(), 30
	a := kernel(t, n)
	before := append([]float64(nil), a.a.Data...)
	b, start := waves(n, 2), waves(n, 2)
	if _, err := Solve(ctx, a, 1, b, 2, SolveOptions{Start: start}); err != nil {
		t.Fatal(err)
	}
	if _, err := LOBPCG(ctx, a, 2, LOBPCGOptions{Start: start}); err != nil {
		t.Fatal(err)
	}
	closeTo(t, "matrix", a.a.Data, before, 0)
	closeTo(t, "b", b, waves(n, 2), 0)
	closeTo(t, "Start", start, waves(n, 2), 0)
}
