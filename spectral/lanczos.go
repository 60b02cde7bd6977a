package spectral

import (
	"context"
	"fmt"
	"slices"
)

// LanczosOptions configures [Lanczos].
type LanczosOptions struct {
	// Smallest asks for the smallest eigenvalues instead of the largest. Where
	// they crowd next to zero, as those of kernels do, they may not converge.
	Smallest bool
	// Tol is the largest residual relative to the eigenvalue; 0 means 1e-10.
	Tol float64
	// Noise is the error of one product relative to ‖A‖: residuals below it
	// count as converged. 0 means 8·√n·2⁻⁵², float64; say 1e-6 for float32.
	Noise float64
	// Block is how many vectors are multiplied at a time; 0 means 1, and up to
	// 4 for a BlockOperator.
	Block int
	// Basis is how many vectors are kept; 0 means 2k + 16 + 4·Block. It is
	// raised to k + 3·Block and lowered to n.
	Basis int
	// MaxProducts bounds products; 0 means 10·n + 1000. A step is not cut short,
	// k products are made in any case, and k more check the result.
	MaxProducts int
	// Simple trusts that the eigenvalues asked for are distinct, and saves the
	// search for copies.
	Simple bool
	// Seed chooses the random vectors.
	Seed uint64
	// Progress, if not nil, is called whenever convergence was looked at.
	Progress func(Progress)
}

// Lanczos returns the k largest eigenvalues of op, repeated ones as often as
// they are repeated, with eigenvectors and true residuals.
//
// It is a block Lanczos method with full orthogonalization and thick restarts.
// A Krylov space has one copy of a repeated eigenvalue for each start vector.
// So when k pairs have converged, they are set aside, V, and a Krylov space of
//
//	B = (I − VVᵀ)·A·(I − VVᵀ)
//
// grows from fresh random vectors, until B has an eigenvalue that is more than
// 2·Tol above λ_k, or having missed one has probability below 1e-9 by the bound
// of Kuczyński and Woźniakowski,
//
//	P ≤ 1.648·√n·exp(−√ε·(2s−1)),
//
// for s steps after which the largest Ritz value of B is below λ_k by the
// fraction ε of the spectrum's extent, as the Ritz values have it; or until that
// Ritz pair has converged, to 1e-9 of its distance from λ_k or to the noise.
// Invariant subspaces are left by fresh random vectors, so operators of low
// rank, zero among them, are no exception. Pairs whose true residuals turn out
// too large are improved from there.
//
// If something did not converge within MaxProducts, it returns the pairs so far
// and [ErrNotConverged]. It returns [ErrNotFinite] if a product is NaN or
// infinite. It holds (Basis + 2·Block + k)·n numbers.
//
// Source: Wu, Simon, SIAM J. Matrix Anal. Appl. 22 (2000) 602 (thick restarts);
// Kuczyński, Woźniakowski, SIAM J. Matrix Anal. Appl. 13 (1992) 1094.
func Lanczos(ctx context.Context, op Operator, k int, opts LanczosOptions) (*Pairs, error) {
	a, err := newProduct(op, "operator")
	if err != nil {
		return nil, err
	}
	if err := checkCount("Lanczos", k, a.n); err != nil {
		return nil, err
	}
	acc, err := newAccuracy("Lanczos", opts.Tol, opts.Noise, a.n)
	if err != nil {
		return nil, err
	}
	if opts.Block < 0 || opts.Basis < 0 || opts.MaxProducts < 0 {
		return nil, fmt.Errorf("spectral: Lanczos: Block %d, Basis %d and MaxProducts %d must not be negative",
			opts.Block, opts.Basis, opts.MaxProducts)
	}
	if opts.Smallest {
		a.sign = -1
	}
	l := newLanczos(a, k, acc, opts)
	pairs, err := l.solve(ctx)
	if err != nil {
		return nil, err
	}
	pairs.Vectors = slices.Clone(pairs.Vectors) // and let go of the basis
	const remedy = "allow more MaxProducts, a larger Basis or Tol, or state the operator's Noise"
	if err := pairs.verdict("Lanczos", remedy); err != nil {
		return pairs, err
	}
	if !opts.Simple && !pairs.Checked {
		return pairs, fmt.Errorf("spectral: Lanczos: %w: the pairs did, after %d products, but not the search for copies of repeated eigenvalues; allow more MaxProducts, or set Simple",
			ErrNotConverged, pairs.Products)
	}
	return pairs, nil
}
