package spectral

import (
	"context"
	"runtime"
	"testing"
)

// TestMemory watches, in every product, the live heap beyond what it was before,
// and compares it with what the docs promise: O(k·n), however many products.
func TestMemory(t *testing.T) {
	ctx := context.Background()
	const n, k = 20000, 3
	live := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	var before, most float64
	products := 0
	op := function{n, func(_ context.Context, dst, v []float64) error {
		if products++; products%5 == 0 {
			most = max(most, live()-before)
		}
		for i := range dst { // some well separated eigenvalues above a crowd
			dst[i] = v[i] * (1 / float64(i+1))
		}
		return nil
	}}
	b := waves(n, k)
	for _, c := range []struct {
		name    string
		vectors float64 // of length n that the docs promise to do with
		run     func() error
	}{
		// Block is 1, Basis 2k + 16 + 4.
		{"Lanczos", 2*k + 16 + 4 + 2 + k, func() error {
			_, err := Lanczos(ctx, op, k, LanczosOptions{})
			return err
		}},
		{"Lanczos, small basis", 12 + 2 + k, func() error {
			_, err := Lanczos(ctx, op, k, LanczosOptions{Basis: 12})
			return err
		}},
		{"LOBPCG", 7 * (k + 2), func() error { // Guard is 2
			_, err := LOBPCG(ctx, op, k, LOBPCGOptions{})
			return err
		}},
		{"quadrature", 30 + 3, func() error {
			_, err := LanczosQuadrature(ctx, op, QuadratureOptions{Probes: 3, Steps: 30})
			return err
		}},
		{"Hutchinson", 2, func() error {
			_, err := Hutchinson(ctx, op, TraceOptions{})
			return err
		}},
		{"Hutch++", 60, func() error {
			_, err := HutchPP(ctx, op, TraceOptions{})
			return err
		}},
		{"XTrace", 90, func() error {
			_, err := XTrace(ctx, op, TraceOptions{})
			return err
		}},
		{"Nyström", 2 * 20, func() error {
			_, err := Nystrom(ctx, op, 20, NystromOptions{})
			return err
		}},
		{"solve", 6 * k, func() error {
			_, err := Solve(ctx, op, 0.1, b, k, SolveOptions{})
			return err
		}},
	} {
		products, most = 0, 0
		before = live()
		if err := c.run(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		// Small matrices and the test's own garbage take less than one vector, and
		// frames that are scanned conservatively may hold a dead one.
		used := most / (8 * n)
		t.Logf("%s: %.1f vectors of at most %g, %d products", c.name, used, c.vectors, products)
		if !(used <= c.vectors+2) || used <= 0 {
			t.Errorf("%s: held %.1f vectors of length n, want at most %g", c.name, used, c.vectors)
		}
	}
	runtime.KeepAlive(b)
}
