package native

import (
	"fmt"
	"math"
)

// Eigh returns the eigenvalues of a symmetric matrix A [n, n],
//
//	A v_i = w_i v_i,
//
// in ascending order, and, if vectors, orthonormal eigenvectors v [n, n]
// row-major: v_i is column i. v is nil without vectors. It reads the upper
// triangle of a, which is what Syrk writes, and leaves a alone.
//
// It returns [ErrShape] if a does not have n² entries, and an error if an
// entry read is NaN or infinite or the iteration does not converge. It holds
// n² numbers, or with vectors about 3n², and takes about 4n³/3 operations,
// with vectors 9n³. Eigenvalues err by about n·2⁻⁵³·max|w|.
func (b *BLAS) Eigh(n int, a []float64, vectors bool) (w []float64, v []float64, err error) {
	if err := checkSquare("A", n, a); err != nil {
		return nil, nil, err
	}
	if n == 0 {
		return []float64{}, emptyUnless(vectors), nil
	}
	if err := checkFiniteUpper(n, a); err != nil {
		return nil, nil, err
	}
	work := make([]float64, n*n)
	copy(work, a)
	w = make([]float64, n)

	if threads := b.FactorThreads(); threads > 1 && b.limit != nil {
		b.library.Lock()
		defer b.library.Unlock()
		b.limit(threads)
		defer b.limit(1)
	} else {
		b.library.RLock()
		defer b.library.RUnlock()
	}
	if err := b.lapack.eigh(n, work, w, vectors); err != nil {
		return nil, nil, fmt.Errorf("native: eigenvalues of a %d×%d matrix by %s: %w", n, n, b.name, err)
	}
	if !vectors {
		return w, nil, nil
	}
	return w, work, nil
}

func emptyUnless(vectors bool) []float64 {
	if vectors {
		return []float64{}
	}
	return nil
}

// checkSquare returns [ErrShape] unless a has n² entries.
func checkSquare(name string, n int, a []float64) error {
	if n < 0 || n > math.MaxInt32 || len(a) != n*n {
		return fmt.Errorf("%w: %s has %d entries, want n² for n = %d", ErrShape, name, len(a), n)
	}
	return nil
}

// checkFiniteUpper returns an error naming the first entry of the upper
// triangle that is NaN or infinite.
func checkFiniteUpper(n int, a []float64) error {
	for i := range n {
		for j := i; j < n; j++ {
			if v := a[i*n+j]; math.IsNaN(v - v) { // also for ±Inf
				return fmt.Errorf("native: entry (%d, %d) of a %d×%d symmetric matrix is %g, want finite numbers", i, j, n, n, v)
			}
		}
	}
	return nil
}

// transpose transposes an n×n matrix in place, block by block: column-wise
// access to a large matrix misses the cache at every entry.
func transpose(n int, a []float64) {
	const block = 32
	for i0 := 0; i0 < n; i0 += block {
		for j0 := i0; j0 < n; j0 += block {
			for i := i0; i < min(i0+block, n); i++ {
				for j := max(j0, i+1); j < min(j0+block, n); j++ {
					a[i*n+j], a[j*n+i] = a[j*n+i], a[i*n+j]
				}
			}
		}
	}
}
