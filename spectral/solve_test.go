package spectral

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// cholesky solves (A + ρI)·X = B by gonum's dense Cholesky factor.
func cholesky(t testing.TB, a *Dense, rho float64, b []float64, k int) []float64 {
	t.Helper()
	n := a.Dim()
	s := mat.NewSymDense(n, slices.Clone(a.a.Data))
	for i := range n {
		s.SetSym(i, i, s.At(i, i)+rho)
	}
	var c mat.Cholesky
	if !c.Factorize(s) {
		t.Fatal("gonum's Cholesky failed")
	}
	out := make([]float64, k*n)
	for j := range k {
		if err := c.SolveVecTo(mat.NewVecDense(n, out[j*n:][:n]), mat.NewVecDense(n, b[j*n:][:n])); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func waves(n, k int) []float64 {
	b := make([]float64, k*n)
	for i := range b {
		b[i] = math.Cos(float64(i*i) + float64(i/n))
	}
	return b
}

func TestSolve(t *testing.T) {
	ctx := context.Background()
	const n = 120
	a, rho := kernel(t, n), 1e-2
	spread := make([]float64, n)
	for i := range spread {
		spread[i] = math.Pow(10, float64(i%5))
	}
	dependent := waves(n, 4)
	copy(dependent[2*n:], dependent[:n]) // column 2 is column 0
	clear(dependent[3*n:])               // and column 3 is zero
	for _, c := range []struct {
		name string
		a    *Dense
		op   Operator
		rho  float64
		b    []float64
		k    int
	}{
		{"one number", diagonal(t, []float64{2}), nil, 0, []float64{3}, 1},
		{"two by two", matrix(t, 2, func(i, j int) float64 { return []float64{2, 1, 1, 2}[2*i+j] }), nil, 0, []float64{1, 2, 3, 4}, 2},
		{"zero operator", diagonal(t, make([]float64, 20)), nil, 0.5, waves(20, 2), 2},
		{"identity", diagonal(t, constant(20, 1)), nil, 0, waves(20, 3), 3},
		{"kernel", a, nil, rho, waves(n, 1), 1},
		{"kernel, four", a, nil, rho, waves(n, 4), 4},
		{"kernel, four, no blocks", a, vecOnly{a}, rho, waves(n, 4), 4},
		{"kernel, dependent and zero", a, nil, rho, dependent, 4},
		{"five eigenvalues", diagonal(t, spread), nil, 0, waves(n, 2), 2},
		{"more right-hand sides than rows", gram(t, 5, 20, 1), nil, 0, waves(5, 9), 9},
		{"Laplacian", laplacian(t, n), nil, 0, waves(n, 2), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			op := c.op
			if op == nil {
				op = c.a
			}
			got, err := Solve(ctx, op, c.rho, c.b, c.k, SolveOptions{Tol: 1e-12})
			if err != nil {
				t.Fatal(err)
			}
			// A residual of 1e-12·‖b‖ moves x by that over the smallest eigenvalue.
			all := lapack(t, c.a)
			least := all[len(all)-1] + c.rho
			norm := 0.0
			for j := range c.k {
				norm = max(norm, mat.Norm(mat.NewVecDense(op.Dim(), c.b[j*op.Dim():][:op.Dim()]), 2))
			}
			closeTo(t, "X", got.X, cholesky(t, c.a, c.rho, c.b, c.k), 2e-12*norm/least)
			for j, r := range got.Residuals {
				if !got.Converged[j] || !(r <= 1e-12) {
					t.Errorf("column %d: residual %g", j, r)
				}
			}
			if len(got.History) != got.Iterations+1 {
				t.Errorf("%d residuals of %d iterations", len(got.History), got.Iterations)
			}
		})
	}
}

func TestSolveSciPy(t *testing.T) {
	want := scipy(t).Kernel
	b := make([]float64, want.N)
	for i := range b {
		b[i] = math.Cos(float64(i))
	}
	got, err := Solve(context.Background(), kernel(t, want.N), want.Rho, b, 1, SolveOptions{Tol: 1e-12})
	if err != nil {
		t.Fatal(err)
	}
	// SciPy's and our residuals, 1e-13 and 1e-12 of ‖b‖ ≈ 6.3, over ρ.
	closeTo(t, "cg", got.X, want.CG, 1e-9)
}

// TestSolveBound: the error in the A-norm falls at least as fast as Chebyshev
// polynomials, 2((√κ−1)/(√κ+1))^j; and for m distinct eigenvalues in m steps.
func TestSolveBound(t *testing.T) {
	ctx := context.Background()
	const n, rho = 80, 0.5
	a, b := gram(t, n, 100, 8), waves(n, 1)
	all, exact := lapack(t, a), cholesky(t, a, rho, b, 1)
	root := math.Sqrt((all[0] + rho) / (all[n-1] + rho))
	norm := func(x []float64) float64 {
		d, ad := mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
		for i := range n {
			d.SetVec(i, exact[i])
			if x != nil {
				d.SetVec(i, exact[i]-x[i])
			}
		}
		ad.MulVec(mat.NewDense(n, n, a.a.Data), d)
		return math.Sqrt(mat.Dot(d, ad) + rho*mat.Dot(d, d))
	}
	for j := 1; j <= 20; j++ {
		s, err := Solve(ctx, a, rho, b, 1, SolveOptions{MaxIterations: j, Tol: 1e-15})
		if !errors.Is(err, ErrNotConverged) || s == nil || s.Iterations != j {
			t.Fatalf("%d iterations: %v; want ErrNotConverged and a solution", j, err)
		}
		if bound := 2 * math.Pow((root-1)/(root+1), float64(j)); !(norm(s.X) <= bound*norm(nil)) {
			t.Errorf("after %d steps the error is %g of the first, above %g", j, norm(s.X)/norm(nil), bound)
		}
	}
	three := diagonal(t, slices.Concat(constant(20, 1), constant(20, 7), constant(20, 50)))
	for _, k := range []int{1, 4} {
		s, err := Solve(ctx, three, 0, waves(60, k), k, SolveOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if s.Iterations > 3 {
			t.Errorf("%d right-hand sides: %d steps for three distinct eigenvalues", k, s.Iterations)
		}
	}
}

// TestSolveBlock: sharing directions saves products with a few large
// eigenvalues; a start near the solution saves iterations.
func TestSolveBlock(t *testing.T) {
	ctx := context.Background()
	const n, k, rho = 200, 8, 1e-3
	a, b := kernel(t, n), waves(n, k)
	s, err := Solve(ctx, a, rho, b, k, SolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	single, err := Solve(ctx, a, rho, b[:n], 1, SolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if 2*s.Iterations > single.Iterations {
		t.Errorf("%d iterations for %d right-hand sides together, %d for one; want half at most", s.Iterations, k, single.Iterations)
	}
	warm, err := Solve(ctx, a, rho, b, k, SolveOptions{Start: s.X})
	if err != nil {
		t.Fatal(err)
	}
	if warm.Iterations != 0 {
		t.Errorf("%d iterations from the solution", warm.Iterations)
	}
}

func TestSolveRefuses(t *testing.T) {
	ctx := context.Background()
	b := waves(40, 1)
	signs := constant(40, 1)
	signs[7] = -1
	if _, err := Solve(ctx, diagonal(t, signs), 0, b, 1, SolveOptions{}); !errors.Is(err, ErrIndefinite) {
		t.Errorf("indefinite operator: %v", err)
	}
	if _, err := Solve(ctx, diagonal(t, make([]float64, 40)), 0, b, 1, SolveOptions{}); !errors.Is(err, ErrIndefinite) {
		t.Errorf("zero operator without ρ: %v", err)
	}
	if _, err := Solve(ctx, laplacian(t, 40), 0, b, 1, SolveOptions{Preconditioner: diagonal(t, constant(40, -1))}); !errors.Is(err, ErrIndefinite) {
		t.Errorf("negative preconditioner: %v", err)
	}
	// The residual cannot fall below ε·‖A‖·‖x‖, far above 1e-15·‖b‖.
	s, err := Solve(ctx, kernel(t, 40), 1e-5, waves(40, 1), 1, SolveOptions{Tol: 1e-15, MaxIterations: 5000})
	if !errors.Is(err, ErrNotConverged) || s == nil {
		t.Fatalf("ill-conditioned: %v", err)
	}
	if !strings.Contains(err.Error(), "rounding") || s.Iterations == 5000 {
		t.Errorf("ill-conditioned: %v; want it to stop and name rounding", err)
	}
}
