package native

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// secondDifference returns the n×n matrix with 2 on the diagonal and −1 beside
// it. Its eigenvalues are 2 − 2cos(kπ/(n+1)), k = 1…n, and the eigenvector of
// the k-th has entries ∝ sin(ikπ/(n+1)), i = 1…n.
func secondDifference(n int) []float64 {
	a := make([]float64, n*n)
	for i := range n {
		a[i*n+i] = 2
		if i+1 < n {
			a[i*n+i+1], a[(i+1)*n+i] = -1, -1
		}
	}
	return a
}

func TestEigh(t *testing.T) {
	each(t, func(t *testing.T, b *BLAS) {
		for _, n := range []int{1, 2, 3, 10, 65, 150} {
			a := secondDifference(n)
			for i := range n {
				for j := range i {
					a[i*n+j] = math.NaN() // only the upper triangle counts
				}
			}
			w, v, err := b.Eigh(n, a, true)
			if err != nil {
				t.Fatal(err)
			}
			only, none, err := b.Eigh(n, a, false)
			if err != nil || none != nil {
				t.Fatalf("without vectors: %v, %v", none, err)
			}
			for k := range n {
				theta := float64(k+1) * math.Pi / float64(n+1)
				// n·ε·max|w| ≤ 150·2.2e-16·4 = 1.4e-13.
				if want := 2 - 2*math.Cos(theta); !(math.Abs(w[k]-want) <= 1.4e-13) || !(math.Abs(only[k]-want) <= 1.4e-13) {
					t.Errorf("n=%d: eigenvalue %d is %g, alone %g, want %g", n, k, w[k], only[k], want)
				}
				sign := math.Copysign(1, v[k]) // sin is positive at i = 1
				for i := range n {
					want := math.Sqrt(2/float64(n+1)) * math.Sin(float64(i+1)*theta)
					// Vectors err by that over the gap, at least 3π²/n² = 1.3e-3.
					if !(math.Abs(sign*v[i*n+k]-want) <= 1e-10) {
						t.Fatalf("n=%d: vector %d entry %d is %g, want %g", n, k, i, sign*v[i*n+k], want)
					}
				}
			}
		}
	})
}

func TestEighThreads(t *testing.T) {
	b := installedOpenBLAS(t)
	b.SetFactorThreads(2)
	defer b.SetFactorThreads(1)
	w, _, err := b.Eigh(200, secondDifference(200), true)
	if err != nil {
		t.Fatal(err)
	}
	if want := 2 - 2*math.Cos(math.Pi/201); !(math.Abs(w[0]-want) <= 2e-13) {
		t.Errorf("smallest eigenvalue %g, want %g", w[0], want)
	}
}

func TestEighRefuses(t *testing.T) {
	each(t, func(t *testing.T, b *BLAS) {
		if _, _, err := b.Eigh(2, make([]float64, 3), true); !errors.Is(err, ErrShape) {
			t.Errorf("3 entries for n = 2: got %v, want ErrShape", err)
		}
		_, _, err := b.Eigh(2, []float64{1, math.Inf(1), 0, 1}, true)
		if err == nil || !strings.Contains(err.Error(), "(0, 1)") {
			t.Errorf("infinite entry: got %v, want an error naming (0, 1)", err)
		}
		if w, v, err := b.Eigh(0, nil, true); err != nil || len(w) != 0 || v == nil {
			t.Errorf("n = 0: got %v, %v, %v", w, v, err)
		}
	})
}

func TestCholesky(t *testing.T) {
	each(t, func(t *testing.T, b *BLAS) {
		rng := rand.New(rand.NewPCG(7, 8))
		for _, n := range []int{1, 2, 5, 127, 128, 129, 300} {
			// Oracle: A is made from a known factor, with 1…2 on its diagonal.
			want := make([]float64, n*n)
			for i := range n {
				for j := range i {
					want[i*n+j] = rng.NormFloat64() / math.Sqrt(float64(n))
				}
				want[i*n+i] = 1 + rng.Float64()
			}
			a := make([]float64, n*n)
			for i := range n {
				for j := i; j < n; j++ {
					for k := range i + 1 {
						a[i*n+j] += want[i*n+k] * want[j*n+k]
					}
				}
				for j := range i {
					a[i*n+j] = math.NaN() // only the upper triangle counts
				}
			}
			l, err := b.Cholesky(n, a)
			if err != nil {
				t.Fatal(err)
			}
			// ε times the condition of A, some 1e3 to 1e5 at n = 300.
			for i := range l {
				if !(math.Abs(l[i]-want[i]) <= 1e-10) {
					t.Fatalf("n=%d: L entry %d is %g, want %g", n, i, l[i], want[i])
				}
			}

			const nrhs = 67
			x := make([]float64, n*nrhs)
			for i := range x {
				x[i] = rng.NormFloat64()
			}
			rhs := make([]float64, n*nrhs)
			for i := range n {
				for j := range n {
					for k := range nrhs {
						rhs[i*nrhs+k] += a[min(i, j)*n+max(i, j)] * x[j*nrhs+k]
					}
				}
			}
			if err := b.CholeskySolve(n, nrhs, l, rhs); err != nil {
				t.Fatal(err)
			}
			for i := range x {
				if !(math.Abs(rhs[i]-x[i]) <= 1e-9) {
					t.Fatalf("n=%d: solution %d is %g, want %g", n, i, rhs[i], x[i])
				}
			}
		}
	})
}

func TestCholeskyDoesNotDependOnThreads(t *testing.T) {
	each(t, func(t *testing.T, b *BLAS) {
		defer b.SetThreads(0)
		const n = 400
		a := secondDifference(n)
		var first []float64
		for _, threads := range []int{1, 2, 5} {
			b.SetThreads(threads)
			l, err := b.Cholesky(n, a)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = l
			}
			for i := range l {
				if l[i] != first[i] {
					t.Fatalf("entry %d is %g with %d threads, %g with one", i, l[i], threads, first[i])
				}
			}
		}
	})
}

func TestCholeskyNamesThePivot(t *testing.T) {
	each(t, func(t *testing.T, b *BLAS) {
		for _, bad := range []int{0, 1, 127, 128, 200, 299} {
			const n = 300
			a := secondDifference(n)
			a[bad*n+bad] = -5 // pivots before it are those of a positive definite matrix
			_, err := b.Cholesky(n, a)
			var npd *NotPositiveDefiniteError
			if !errors.As(err, &npd) || npd.Pivot != bad || npd.N != n {
				t.Errorf("negative pivot %d: got %v", bad, err)
			}
		}
		if _, err := b.Cholesky(2, []float64{1, math.NaN(), 0, 1}); err == nil {
			t.Error("NaN: got no error")
		}
		// √1e-300·… overflows in the first row: 1e300/1e-150.
		if _, err := b.Cholesky(2, []float64{1e-300, 1e300, 0, 1}); err == nil {
			t.Error("overflow: got no error")
		}
		if err := b.CholeskySolve(2, 1, []float64{1, 0, 0, 0}, []float64{1, 1}); err == nil {
			t.Error("singular factor: got no error")
		}
		if err := b.CholeskySolve(2, 1, []float64{1, 0, 0, 1}, []float64{1}); !errors.Is(err, ErrShape) {
			t.Errorf("short B: got %v, want ErrShape", err)
		}
	})
}
