package spectral

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSmallMatrices draws matrices of one to nine rows with spectra that are
// known, from huge to tiny, with repeated and zero eigenvalues, and for each any
// number of pairs, blocks, guards, right-hand sides and products.
func TestSmallMatrices(t *testing.T) {
	ctx := context.Background()
	for trial := range uint64(1000) {
		r := rand.New(rand.NewPCG(trial, 3))
		n := 1 + r.IntN(9)
		k := 1 + r.IntN(n)
		scale := []float64{1, 1, 1, 1e-150, 1e100}[r.IntN(5)]
		values, sum := make([]float64, n), 0.0
		for i := range values {
			if values[i] = scale * float64(r.IntN(4)-r.IntN(2)); r.IntN(3) == 0 {
				values[i] = scale * r.NormFloat64()
			}
			sum += values[i]
		}
		slices.Sort(values)
		slices.Reverse(values)
		tol := 1e-8 * max(maxAbs(values), 1e-300) // the loosest Tol, LOBPCG's
		op := either(r, withValues(t, r, values))

		smallest, want := r.IntN(2) == 0, values
		if smallest {
			want = reversed(values)
		}
		p, err := Lanczos(ctx, op, k, LanczosOptions{Seed: trial, Block: r.IntN(6), Basis: r.IntN(12), Smallest: smallest})
		if err != nil {
			t.Errorf("trial %d, Lanczos, %d of %g: %v", trial, k, want, err)
		} else {
			closeTo(t, "Lanczos", p.Values, want[:k], tol)
		}
		p, err = LOBPCG(ctx, op, k, LOBPCGOptions{Seed: trial, Guard: r.IntN(4), Smallest: smallest})
		if err != nil {
			t.Errorf("trial %d, LOBPCG, %d of %g: %v", trial, k, want, err)
		} else {
			closeTo(t, "LOBPCG", p.Values, want[:k], tol)
		}
		for _, e := range estimators {
			got, err := e.run(ctx, op, TraceOptions{Products: max(n, 6) + r.IntN(30), Batch: r.IntN(4)})
			if err != nil {
				t.Errorf("trial %d, %s of %g: %v", trial, e.name, values, err)
			}
			closeTo(t, e.name, []float64{got.Value, got.Error}, []float64{sum, 0}, tol)
		}
		q := quadrature(t, op, QuadratureOptions{Probes: max(n, 2) + r.IntN(5), Batch: r.IntN(4)})
		got, err := q.Trace(func(x float64) float64 { return x })
		if err != nil {
			t.Errorf("trial %d, quadrature of %g: %v", trial, values, err)
		}
		closeTo(t, "quadrature", []float64{got.Value, got.Error}, []float64{sum, 0}, tol)

		for i, x := range values {
			values[i] = math.Abs(x)
		}
		a, rho := withValues(t, r, values), scale*math.Pow(10, -4*r.Float64())
		op = either(r, a)
		l, err := Nystrom(ctx, op, k, NystromOptions{Seed: trial})
		if err != nil {
			t.Errorf("trial %d, Nyström, rank %d of %g: %v", trial, k, values, err)
			continue
		}
		m, err := l.Preconditioner(rho)
		if err != nil {
			t.Error(err)
			continue
		}
		count := 1 + r.IntN(6)
		b := make([]float64, count*n)
		for i := range b {
			b[i] = float64(r.IntN(3) - 1)
		}
		exact := cholesky(t, a, rho, b, count)
		for _, preconditioner := range []Operator{nil, m} {
			s, err := Solve(ctx, op, rho, b, count, SolveOptions{Preconditioner: preconditioner})
			if err != nil {
				t.Errorf("trial %d, solve with %g + %g: %v", trial, values, rho, err)
				continue
			}
			// A residual of 1e-10·‖b‖ and ‖b‖ ≤ 3, over the least eigenvalue.
			closeTo(t, "X", s.X, exact, 3e-10/(slices.Min(values)+rho))
		}
	}
}

// withValues returns Qᵀ·diag(values)·Q for a random orthogonal Q, a product of
// reflections.
func withValues(t *testing.T, r *rand.Rand, values []float64) *Dense {
	n := len(values)
	a := make([]float64, n*n)
	for i, x := range values {
		a[i*n+i] = x
	}
	for range n {
		v, norm := make([]float64, n), 0.0
		for i := range v {
			v[i] = r.NormFloat64()
			norm += v[i] * v[i]
		}
		for range 2 { // from one side, and after a transposition from the other
			for i := range n {
				dot := 0.0
				for j := range n {
					dot += a[i*n+j] * v[j]
				}
				for j := range n {
					a[i*n+j] -= 2 * dot / norm * v[j]
				}
			}
			for i := range n {
				for j := range i {
					a[i*n+j], a[j*n+i] = a[j*n+i], a[i*n+j]
				}
			}
		}
	}
	return matrix(t, n, func(i, j int) float64 { return a[i*n+j]/2 + a[j*n+i]/2 })
}

// either returns a with or without its block product.
func either(r *rand.Rand, a *Dense) Operator {
	if r.IntN(2) == 0 {
		return vecOnly{a}
	}
	return a
}
