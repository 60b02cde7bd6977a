package spectral

import (
	"context"
	"math"
	"slices"
	"testing"
)

// A pairsCase is an operator with all of its eigenvalues, descending.
type pairsCase struct {
	name   string
	op     Operator
	k      int
	values []float64
	crowd  bool // the smallest eigenvalues crowd next to zero: only the largest
}

// pairsCases are what Lanczos and LOBPCG must both get right.
func pairsCases(t testing.TB) []pairsCase {
	inverse := make([]float64, 200)
	for i := range inverse {
		inverse[i] = 1 / float64((i+1)*(i+1))
	}
	steps := slices.Concat(constant(4, 5), constant(3, 3), constant(40, 1))
	indefinite := []float64{5, 4, 0.5, 0, 0, -1, -7, -10, -10}
	small := kernel(t, 20)
	var tenfold []float64
	for _, v := range lapack(t, small) {
		tenfold = append(tenfold, constant(10, v)...)
	}
	low := gram(t, 3, 8, 1) // 3 × 3, whose eigenvalues X·M·Xᵀ has beside zeros
	lowRank := matrix(t, 50, func(i, j int) float64 {
		// Columns of X are 3 orthonormal cosines (DCT-II), so X·M·Xᵀ has M's.
		sum := 0.0
		for p := range 3 {
			for q := range 3 {
				sum += dct(50, i, p+1) * low.a.Data[p*3+q] * dct(50, j, q+1)
			}
		}
		return sum
	})
	d, u := make([]float64, 60), make([]float64, 60)
	for i := range d {
		d[i], u[i] = float64(i)/10, math.Cos(float64(i))
	}
	return []pairsCase{
		{"one number", diagonal(t, []float64{-3}), 1, []float64{-3}, false},
		{"two by two", matrix(t, 2, func(i, j int) float64 { return []float64{2, 1, 1, 2}[2*i+j] }), 1, []float64{3, 1}, false},
		{"two by two, whole", matrix(t, 2, func(i, j int) float64 { return []float64{2, 1, 1, 2}[2*i+j] }), 2, []float64{3, 1}, false},
		{"zero", diagonal(t, make([]float64, 30)), 5, make([]float64, 30), false},
		{"zero, whole", diagonal(t, make([]float64, 6)), 6, make([]float64, 6), false},
		{"identity", diagonal(t, constant(40, 1)), 3, constant(40, 1), false},
		{"Laplacian", laplacian(t, 100), 6, laplacianValues(100), false},
		{"Laplacian, whole", laplacian(t, 12), 12, laplacianValues(12), false},
		{"inverse squares", diagonal(t, inverse), 8, inverse, true},
		{"steps", diagonal(t, steps), 6, steps, false},
		{"steps, cut inside", diagonal(t, steps), 2, steps, false},
		{"indefinite", diagonal(t, indefinite), 3, indefinite, false},
		{"each ten times", repeated(t, small, 10), 25, tenfold, true},
		{"each ten times, no blocks", vecOnly{repeated(t, small, 10)}, 25, tenfold, true},
		{"rank 3", lowRank, 7, append(lapack(t, low), make([]float64, 47)...), false},
		{"2I + uuᵀ", matrix(t, 30, func(i, j int) float64 {
			if i == j {
				return 2 + 1
			}
			return 1
		}), 4, append([]float64{2 + 30}, constant(29, 2)...), false},
		{"diagonal + uuᵀ", matrix(t, 60, func(i, j int) float64 {
			if i == j {
				return d[i] + u[i]*u[i]
			}
			return u[i] * u[j]
		}), 5, secular(d, u), false},
		{"kernel", kernel(t, 150), 12, lapack(t, kernel(t, 150)), true},
	}
}

// dct is entry i of the orthonormal DCT-II vector of frequency k.
func dct(n, i, k int) float64 {
	return math.Sqrt(2/float64(n)) * math.Cos(math.Pi*(float64(i)+0.5)*float64(k)/float64(n))
}

// secular returns the eigenvalues of diag(d) + u·uᵀ for ascending d by bisection
// of 1 + Σ u_i²/(d_i − λ) between its poles, descending.
func secular(d, u []float64) []float64 {
	values := make([]float64, len(d))
	for k := range d {
		lo, hi := d[k], d[k]
		if k+1 < len(d) {
			hi = d[k+1]
		} else {
			for _, x := range u {
				hi += x * x
			}
		}
		for range 100 {
			mid, f := (lo+hi)/2, 1.0
			for i := range d {
				f += u[i] * u[i] / (d[i] - mid)
			}
			if f < 0 {
				lo = mid
			} else {
				hi = mid
			}
		}
		values[len(d)-1-k] = (lo + hi) / 2
	}
	return values
}

// checkPairs compares with the eigenvalues, and vectors and residuals with plain
// loops. all has every eigenvalue, in the order asked for.
func checkPairs(t *testing.T, op Operator, p *Pairs, all []float64, tol float64) {
	t.Helper()
	n, k := op.Dim(), len(p.Values)
	norm := maxAbs(all)
	// Residuals r put values within r²/gap, or r where there is no gap, of
	// eigenvalues; r ≤ tol·λ_1.
	closeTo(t, "eigenvalues", p.Values, all[:k], tol*norm)
	checkOrthonormal(t, n, p.Vectors, 1e-12) // some ε for each of up to 100 vectors
	for i := range k {
		if !p.Converged[i] {
			t.Errorf("pair %d, residual %g, did not converge", i, p.Residuals[i])
		}
		v := p.Vectors[i*n:][:n]
		av, sum := make([]float64, n), 0.0
		if err := op.MulVec(context.Background(), av, v); err != nil {
			t.Fatal(err)
		}
		for l := range n {
			sum += (av[l] - p.Values[i]*v[l]) * (av[l] - p.Values[i]*v[l])
		}
		// The product in another order of summation differs by rounding.
		if got, want := p.Residuals[i], math.Sqrt(sum); !(math.Abs(got-want) <= 1e-13*norm) {
			t.Errorf("residual %d is %g, want %g", i, got, want)
		}
	}
}

func reversed(v []float64) []float64 {
	v = slices.Clone(v)
	slices.Reverse(v)
	return v
}
