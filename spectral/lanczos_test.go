package spectral

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestLanczos(t *testing.T) {
	ctx := context.Background()
	for _, c := range pairsCases(t) {
		t.Run(c.name, func(t *testing.T) {
			for _, o := range []LanczosOptions{
				{},
				{Block: 1, Seed: 1},
				{Block: 3, Basis: c.k + 12, Seed: 2},
				{Smallest: true, Seed: 3},
			} {
				if o.Smallest && c.crowd {
					continue // shown to be refused in TestLanczosNotConverged
				}
				p, err := Lanczos(ctx, c.op, c.k, o)
				if err != nil {
					t.Fatalf("%+v: %v", o, err)
				}
				want := c.values
				if o.Smallest {
					want = reversed(want)
				}
				checkPairs(t, c.op, p, want, 1e-10)
				if !p.Checked {
					t.Errorf("%+v: the search for copies did not end", o)
				}
			}
		})
	}
}

// TestLanczosFindsCopies takes the hardest case, single vectors: an eigenvalue
// that is repeated far beyond what a Krylov space can show, from many seeds. The
// spectrum has no gap that would make the search easy.
func TestLanczosFindsCopies(t *testing.T) {
	ctx := context.Background()
	values := constant(3, 1)
	for i := range 197 {
		values = append(values, 0.95*(1-float64(i)/200))
	}
	op := vecOnly{diagonal(t, values)}
	for seed := range uint64(20) {
		p, err := Lanczos(ctx, op, 4, LanczosOptions{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		// The values are exact to r²/gap.
		closeTo(t, "eigenvalues", p.Values, values[:4], 1e-10)
	}
	// Two ones among 10000 halves: a random vector is nearly an eigenvector, of
	// ½, and seems to have converged to a loose Tol at once.
	const n = 10000
	pair := function{n, func(_ context.Context, dst, v []float64) error {
		for i := range dst {
			dst[i] = v[i] / 2
		}
		dst[0], dst[n-1] = v[0], v[n-1]
		return nil
	}}
	for seed := range uint64(20) {
		p, err := Lanczos(ctx, pair, 2, LanczosOptions{Seed: seed, Tol: 1e-2})
		if err != nil {
			t.Fatal(err)
		}
		closeTo(t, "eigenvalues", p.Values, []float64{1, 1}, 1e-2) // Tol
	}
}

// TestLanczosSimple sees that the search is what finds copies: a single vector's
// Krylov space shows one copy of 2, and then 1, long before rounding would show
// another.
func TestLanczosSimple(t *testing.T) {
	ctx := context.Background()
	values := []float64{2, 2, 2, 1}
	for i := range 300 {
		values = append(values, 0.3-float64(i)/1000)
	}
	op := vecOnly{diagonal(t, values)}
	quick, err := Lanczos(ctx, op, 2, LanczosOptions{Tol: 1e-4, Simple: true})
	if err != nil {
		t.Fatal(err)
	}
	full, err := Lanczos(ctx, op, 2, LanczosOptions{Tol: 1e-4})
	if err != nil {
		t.Fatal(err)
	}
	// Values err by r²/gap, r = 2e-4 at most.
	closeTo(t, "with Simple", quick.Values, []float64{2, 1}, 1e-7)
	closeTo(t, "with the search", full.Values, []float64{2, 2}, 1e-7)
	if quick.Checked || !full.Checked {
		t.Errorf("checked: %v with Simple, %v without", quick.Checked, full.Checked)
	}
}

func TestLanczosSciPy(t *testing.T) {
	want := scipy(t)
	p, err := Lanczos(context.Background(), kernel(t, want.Kernel.N), len(want.Kernel.Eigsh), LanczosOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// Both are exact to a few ε·λ_1 = 6e-15; entries of the kernel differ by ε.
	closeTo(t, "eigsh", p.Values, want.Kernel.Eigsh, 1e-12)
	p, err = Lanczos(context.Background(), variable(t, want.Tridiagonal.N), len(want.Tridiagonal.Eigsh), LanczosOptions{Smallest: true})
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "eigsh, smallest", p.Values, want.Tridiagonal.Eigsh, 1e-12)
}

// variable is the tridiagonal matrix of testdata/scipy_values.py.
func variable(t testing.TB, n int) *Dense {
	return matrix(t, n, func(i, j int) float64 {
		switch i - j {
		case 0:
			return 2 + float64(i)/float64(n)*float64(i)/float64(n)
		case 1, -1:
			return -1
		}
		return 0
	})
}

// TestLanczosRestarts forces many restarts, which must not cost accuracy.
func TestLanczosRestarts(t *testing.T) {
	op := vecOnly{laplacian(t, 400)}
	p, err := Lanczos(context.Background(), op, 2, LanczosOptions{Basis: 12, MaxProducts: 20000})
	if err != nil {
		t.Fatal(err)
	}
	if p.Products < 10*12 {
		t.Errorf("%d products: no restarts were needed", p.Products)
	}
	checkPairs(t, op, p, laplacianValues(400), 1e-10)
}

// TestLanczosNoise multiplies in float32: residuals are those of the products,
// and stating the noise is what makes them pass.
func TestLanczosNoise(t *testing.T) {
	ctx := context.Background()
	a := kernel(t, 100)
	op := float32Product(a)
	p, err := Lanczos(ctx, op, 6, LanczosOptions{Noise: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	closeTo(t, "eigenvalues", p.Values, lapack(t, a)[:6], 1e-6*p.Values[0])
	p, err = Lanczos(ctx, op, 6, LanczosOptions{Simple: true})
	if !errors.Is(err, ErrNotConverged) || p == nil || slices.Index(p.Converged, false) < 0 {
		t.Errorf("float32 products passed as float64: %v", err)
	}
}

// TestLanczosLooseTol: with a loose Tol, pairs set aside have residuals that the
// search forgets. What comes out of spectra with nearly and exactly repeated
// eigenvalues must have converged by its true residuals nevertheless.
func TestLanczosLooseTol(t *testing.T) {
	for trial := range uint64(200) {
		r := rand.New(rand.NewPCG(trial, 0))
		k, tol := 1+r.IntN(8), math.Pow(10, -0.5-5*r.Float64())
		var values []float64
		for len(values) < 200 {
			x := r.Float64()
			if len(values) <= 2*k {
				x = 1 + x*r.Float64()
			}
			values = append(values, constant(1+r.IntN(4), x)...)
		}
		slices.Sort(values)
		slices.Reverse(values)
		o := LanczosOptions{Tol: tol, Seed: trial, Block: 1 + r.IntN(3), Smallest: r.IntN(2) == 0}
		if o.Smallest {
			for i := range values {
				values[i] = -values[i]
			}
		}
		op := function{len(values), func(_ context.Context, dst, v []float64) error {
			for i, x := range v {
				dst[i] = values[i] * x
			}
			return nil
		}}
		p, err := Lanczos(context.Background(), op, k, o)
		if err != nil {
			t.Errorf("trial %d, %d pairs, %+v: %v", trial, k, o, err)
			continue
		}
		// The residual is up to Tol, and the search tells nothing apart within 2·Tol.
		checkPairs(t, op, p, values, 3*tol)
	}
}

func TestLanczosNotConverged(t *testing.T) {
	p, err := Lanczos(context.Background(), laplacian(t, 500), 4, LanczosOptions{MaxProducts: 40})
	if !errors.Is(err, ErrNotConverged) || p == nil {
		t.Fatalf("error %v with pairs %v, want ErrNotConverged and pairs", err, p != nil)
	}
	if p.Products > 40+2*4 || slices.Index(p.Converged, false) < 0 {
		t.Errorf("%d products, converged %v", p.Products, p.Converged)
	}
	// Unconverged Ritz values are bounds from below, and the residual says how
	// far the next eigenvalue is at most.
	all := laplacianValues(500)
	for i, v := range p.Values {
		if v > all[i]+1e-12 {
			t.Errorf("Ritz value %d is %g, above the eigenvalue %g", i, v, all[i])
		}
		near := slices.MinFunc(all, func(a, b float64) int { return cmpAbs(a-v, b-v) })
		if d := near - v; d*d > p.Residuals[i]*p.Residuals[i]*(1+1e-9) {
			t.Errorf("no eigenvalue within the residual %g of %g", p.Residuals[i], v)
		}
	}
	_, err = Lanczos(context.Background(), kernel(t, 150), 3, LanczosOptions{MaxProducts: 500, Smallest: true})
	if !errors.Is(err, ErrNotConverged) {
		t.Errorf("smallest eigenvalues of a kernel: %v, want ErrNotConverged", err)
	}
}
