package spectral

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// expand returns U·diag(λ)·Uᵀ by plain loops.
func expand(l *LowRank) []float64 {
	n := l.Dim
	out := make([]float64, n*n)
	for p, v := range l.Values {
		for i := range n {
			for j := range n {
				out[i*n+j] += v * l.Vectors[p*n+i] * l.Vectors[p*n+j]
			}
		}
	}
	return out
}

func TestNystrom(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name string
		a    *Dense
		rank int
		keep int // how many values it must keep
	}{
		{"one number", diagonal(t, []float64{3}), 1, 1},
		{"zero", diagonal(t, make([]float64, 20)), 4, 0},
		{"rank 3", gram(t, 40, 3, 2), 8, 3},
		{"whole", gram(t, 12, 20, 3), 12, 12},
		{"identity", diagonal(t, constant(30, 1)), 5, 5},
		{"kernel", kernel(t, 100), 20, 20},
		{"kernel beyond rounding", kernel(t, 100), 90, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := Nystrom(ctx, c.a, c.rank, NystromOptions{Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			n, all := c.a.Dim(), lapack(t, c.a)
			if c.keep >= 0 && len(l.Values) != c.keep {
				t.Errorf("%d values %g, want %d", len(l.Values), l.Values, c.keep)
			}
			if l.Products != c.rank {
				t.Errorf("%d products, want %d", l.Products, c.rank)
			}
			// The shift ν is √n·ε·‖Y‖, some 1e-14·λ_1, and its root does not enter.
			tol := 1e-12 * (1 + all[0])
			for i, v := range l.Values {
				if v > all[i]+tol || v < 0 {
					t.Errorf("value %d is %g, above the eigenvalue %g", i, v, all[i])
				}
			}
			rest := expand(l)
			for i := range rest {
				rest[i] = c.a.a.Data[i] - rest[i]
			}
			left := lapack(t, &Dense{rows(rest, n, n)})
			if left[n-1] < -tol {
				t.Errorf("A − Â has the eigenvalue %g; the approximation must not exceed A", left[n-1])
			}
			if c.keep >= 0 && c.keep < c.rank || c.rank == n {
				if left[0] > tol {
					t.Errorf("A − Â has the eigenvalue %g; want an exact approximation", left[0])
				}
			}
		})
	}
	if _, err := Nystrom(ctx, diagonal(t, constant(20, -1)), 5, NystromOptions{}); !errors.Is(err, ErrIndefinite) {
		t.Errorf("negative operator: %v", err)
	}
}

// TestNystromNoise multiplies in float32 by matrices whose small or zero
// eigenvalues are below its errors, so that ΩᵀAΩ may come out indefinite, and
// takes the published bound of TestNystromCondition.
func TestNystromNoise(t *testing.T) {
	const n, rho = 100, 1e-3
	for _, c := range []struct {
		name string
		a    *Dense
		rank int
	}{{"kernel", kernel(t, n), 60}, {"rank 10", gram(t, n, 10, 1), 40}} {
		for seed := range uint64(5) {
			l, err := Nystrom(context.Background(), float32Product(c.a), c.rank, NystromOptions{Seed: seed})
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			m, err := l.Preconditioner(rho)
			if err != nil {
				t.Fatal(err)
			}
			rest := expand(l)
			for i := range rest {
				rest[i] = c.a.a.Data[i] - rest[i]
			}
			e := lapack(t, &Dense{rows(rest, n, n)})
			// Products err by some 1e-7·‖A‖ = 4e-6, which Â may exceed A by.
			if !(e[n-1] >= -4e-5) {
				t.Errorf("%s: A − Â has the eigenvalue %g", c.name, e[n-1])
			}
			bound := (l.Values[len(l.Values)-1] + rho + e[0]) / rho
			bare := condition(t, c.a, rho, diagonal(t, constant(n, 1)))
			if k := condition(t, c.a, rho, m); !(k <= 1.1*bound && 1000*k <= bare) { // 4e-5 of ρ, and more
				t.Errorf("%s: condition number %g, bound %g, %g without the preconditioner", c.name, k, bound, bare)
			}
		}
	}
}

// TestNystromPreconditioner takes the published bound: with a rank of twice
// ⌈1.5·d⌉ + 1 for the effective dimension d = tr A(A+ρI)⁻¹, the expected
// condition number is below 28 (Frangella, Tropp, Udell 2023, theorem 5.1).
func TestNystromPreconditioner(t *testing.T) {
	ctx := context.Background()
	const n, rho = 150, 1e-2
	a := kernel(t, n)
	d := 0.0
	for _, v := range lapack(t, a) {
		d += max(v, 0) / (max(v, 0) + rho)
	}
	rank := 2*int(math.Ceil(1.5*d)) + 1
	if rank >= n {
		t.Fatalf("rank %d of %d leaves nothing to test", rank, n)
	}
	mean := 0.0
	for seed := range uint64(5) {
		l, err := Nystrom(ctx, a, rank, NystromOptions{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		m, err := l.Preconditioner(rho)
		if err != nil {
			t.Fatal(err)
		}
		mean += condition(t, a, rho, m) / 5
	}
	if bare := condition(t, a, rho, diagonal(t, constant(n, 1))); !(bare > 1000) {
		t.Fatalf("condition number %g without a preconditioner: the test is too easy", bare)
	}
	if !(mean < 28) {
		t.Errorf("mean condition number %g at rank %d, want below 28", mean, rank)
	}
	l, err := Nystrom(ctx, a, rank, NystromOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := l.Preconditioner(rho)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Solve(ctx, a, rho, waves(n, 2), 2, SolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	helped, err := Solve(ctx, a, rho, waves(n, 2), 2, SolveOptions{Preconditioner: m})
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "X", helped.X, cholesky(t, a, rho, waves(n, 2), 2), 2e-10*math.Sqrt(n)/rho)
	if 2*helped.Iterations > plain.Iterations {
		t.Errorf("%d iterations with the preconditioner, %d without; want half at most", helped.Iterations, plain.Iterations)
	}
	t.Logf("rank %d, condition number %.3g; %d iterations, %d without", rank, mean, helped.Iterations, plain.Iterations)

	// An operator that the approximation has in full leaves nothing to do.
	low := gram(t, 60, 4, 1)
	if l, err = Nystrom(ctx, low, 10, NystromOptions{}); err != nil {
		t.Fatal(err)
	}
	if m, err = l.Preconditioner(1e-3); err != nil {
		t.Fatal(err)
	}
	if k := condition(t, low, 1e-3, m); !(k <= 1+1e-8) { // rounding of A over ρ
		t.Errorf("condition number %g of an operator of rank 4 at rank 10, want 1", k)
	}
}

// TestNystromCondition takes the published bound for any rank, for E = A − Â:
//
//	κ ≤ (λ_l + ρ + ‖E‖)/ρ   (Frangella, Tropp, Udell 2023, proposition 5.3).
func TestNystromCondition(t *testing.T) {
	const n, rho = 100, 1e-2
	d := make([]float64, n)
	for i := range d {
		d[i] = 1 / float64(i+1)
	}
	for _, a := range []*Dense{kernel(t, n), gram(t, n, 150, 2), diagonal(t, d)} {
		for _, rank := range []int{1, 5, 20, 60} {
			l, err := Nystrom(context.Background(), a, rank, NystromOptions{Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			m, err := l.Preconditioner(rho)
			if err != nil {
				t.Fatal(err)
			}
			// M·v = v + Σ_i ((λ_l+ρ)/(λ_i+ρ) − 1)·u_i·(u_iᵀv), by plain loops.
			v, mv, least := waves(n, 1), make([]float64, n), l.Values[len(l.Values)-1]
			want := slices.Clone(v)
			for p, x := range l.Values {
				dot := 0.0
				for i := range n {
					dot += l.Vectors[p*n+i] * v[i]
				}
				for i := range n {
					want[i] += ((least+rho)/(x+rho) - 1) * dot * l.Vectors[p*n+i]
				}
			}
			if err := m.MulVec(context.Background(), mv, v); err != nil {
				t.Fatal(err)
			}
			closeTo(t, "M·v", mv, want, 1e-13) // of 1, summed in another order
			rest := expand(l)
			for i := range rest {
				rest[i] = a.a.Data[i] - rest[i]
			}
			bound := (l.Values[len(l.Values)-1] + rho + lapack(t, &Dense{rows(rest, n, n)})[0]) / rho
			if k := condition(t, a, rho, m); !(k <= bound*(1+1e-9)) {
				t.Errorf("rank %d: condition number %g, above the bound %g", rank, k, bound)
			}
		}
	}
}

// condition returns that of M^½(A+ρI)M^½, from the generalized problem with M's
// Cholesky factor: the eigenvalues of Lᵀ(A+ρI)L for M = L·Lᵀ.
func condition(t testing.TB, a *Dense, rho float64, m Operator) float64 {
	t.Helper()
	n := a.Dim()
	md := mat.NewSymDense(n, nil)
	e, col := make([]float64, n), make([]float64, n)
	for j := range n {
		clear(e)
		e[j] = 1
		if err := m.MulVec(context.Background(), col, e); err != nil {
			t.Fatal(err)
		}
		for i := range j + 1 {
			md.SetSym(i, j, col[i])
		}
	}
	var c mat.Cholesky
	if !c.Factorize(md) {
		t.Fatal("the preconditioner is not positive definite")
	}
	var l mat.TriDense
	c.LTo(&l)
	shifted := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			shifted.Set(i, j, a.a.Data[i*n+j])
		}
		shifted.Set(i, i, shifted.At(i, i)+rho)
	}
	var al, lal mat.Dense
	al.Mul(shifted, &l)
	lal.Mul(l.T(), &al)
	data := make([]float64, n*n)
	for i := range n {
		for j := range n {
			data[i*n+j] = (lal.At(i, j) + lal.At(j, i)) / 2
		}
	}
	v := lapack(t, &Dense{rows(data, n, n)})
	return v[0] / v[n-1]
}
