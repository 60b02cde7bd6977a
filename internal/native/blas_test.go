package native

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"
)

// each runs a test on both implementations, OpenBLAS where it is installed.
func each(t *testing.T, test func(t *testing.T, b *BLAS)) {
	t.Helper()
	t.Run("gonum", func(t *testing.T) { test(t, Gonum()) })
	t.Run("OpenBLAS", func(t *testing.T) { test(t, installedOpenBLAS(t)) })
}

func installedOpenBLAS(tb testing.TB) *BLAS {
	tb.Helper()
	found, err := FindOpenBLAS(SearchOptions{})
	if errors.Is(err, ErrNotFound) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	b, err := OpenBLAS(found.Path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// A matrix is a row-major test matrix with padding after each row.
type matrix[T real32or64] struct {
	rows, cols, ld int
	data           []T
}

const padding = 12345 // what padding holds, so that a stray write shows

func random[T real32or64](rng *rand.Rand, rows, cols, pad int) matrix[T] {
	m := matrix[T]{rows, cols, max(cols+pad, 1), nil}
	m.data = make([]T, max(rows*m.ld, 1))
	for i := range m.data {
		m.data[i] = padding
	}
	for i := range rows {
		for j := range cols {
			m.data[i*m.ld+j] = T(rng.NormFloat64())
		}
	}
	return m
}

func (m matrix[T]) ptr() unsafe.Pointer { return unsafe.Pointer(&m.data[0]) }
func (m matrix[T]) at(i, j int) T       { return m.data[i*m.ld+j] }
func (m matrix[T]) set(i, j int, v T)   { m.data[i*m.ld+j] = v }
func (m matrix[T]) clone() matrix[T]    { m.data = append([]T(nil), m.data...); return m }
func (m matrix[T]) paddingIntact() error {
	for i := range m.rows {
		for j := m.cols; j < m.ld; j++ {
			if m.data[i*m.ld+j] != padding {
				return fmt.Errorf("padding (%d, %d) was written", i, j)
			}
		}
	}
	return nil
}

// naive computes alpha·op(A)·op(B) + beta·C by plain loops in float64.
func naive[T real32or64](transA, transB bool, k int, alpha T, a, b matrix[T], beta T, c matrix[T]) [][]float64 {
	out := make([][]float64, c.rows)
	for i := range c.rows {
		out[i] = make([]float64, c.cols)
		for j := range c.cols {
			var s float64
			for q := range k {
				x, y := a.data[min(i*a.ld+q, len(a.data)-1)], b.data[min(q*b.ld+j, len(b.data)-1)]
				if transA {
					x = a.at(q, i)
				}
				if transB {
					y = b.at(j, q)
				}
				s += float64(x) * float64(y)
			}
			out[i][j] = float64(alpha) * s
			if beta != 0 {
				out[i][j] += float64(beta) * float64(c.at(i, j))
			}
		}
	}
	return out
}

// relErr returns the largest difference relative to the largest entry wanted,
// over the entries that keep selects.
func relErr[T real32or64](got matrix[T], want [][]float64, keep func(i, j int) bool) float64 {
	var diff, top float64
	for i := range want {
		for j, w := range want[i] {
			if !keep(i, j) {
				continue
			}
			top = max(top, math.Abs(w))
			d := math.Abs(float64(got.at(i, j)) - w)
			if math.IsNaN(d) {
				return d
			}
			diff = max(diff, d)
		}
	}
	if diff == 0 {
		return 0
	}
	return diff / top
}

func everywhere(i, j int) bool { return true }
func onAndAbove(i, j int) bool { return j >= i }

// sizes m, n, k: one, odd, empty sums, split over k, split into tiles, both.
var sizes = [][3]int{
	{1, 1, 1},
	{1, 1, 0},
	{3, 2, 0},
	{0, 3, 2},
	{3, 0, 2},
	{7, 5, 3},
	{1, 9, 257},
	{33, 65, 129},
	{100, 100, 1100},
	{211, 403, 131},
	{390, 386, 217},
	{64, 96, 4201},
	{160, 3, 4201},
	{400, 5, 1300}, // as syrk: in parts; in tiles and parts
}

// pads are the paddings to test sizes with: all for small ones, and one for
// those whose plain loops take long.
func pads(size [3]int) []int {
	if size[0]*size[1]*size[2] > 1e6 {
		return []int{1}
	}
	return []int{0, 1, 2}
}

func TestGemm(t *testing.T) {
	each(t, func(t *testing.T, b *BLAS) {
		// Oracle: plain loops in float64. Rounding is at most k·ε of a sum whose
		// size is √k: √k·ε ≤ 100 ε.
		testGemm(t, b.Gemm64, 1e-13)
		testGemm(t, b.Gemm32, 1e-5)
		testGemm(t, func(_, _ bool, m, n, k int, alpha float64, a unsafe.Pointer, lda int, bb unsafe.Pointer, ldb int, beta float64, c unsafe.Pointer, ldc int) error {
			return b.Gemm64NT(m, n, k, alpha, a, lda, bb, ldb, beta, c, ldc)
		}, 1e-13, [2]bool{false, true})
		testGemm(t, func(_, _ bool, m, n, k int, alpha float32, a unsafe.Pointer, lda int, bb unsafe.Pointer, ldb int, beta float32, c unsafe.Pointer, ldc int) error {
			return b.Gemm32NT(m, n, k, alpha, a, lda, bb, ldb, beta, c, ldc)
		}, 1e-5, [2]bool{false, true})
	})
}

func testGemm[T real32or64](t *testing.T, gemm func(transA, transB bool, m, n, k int, alpha T, a unsafe.Pointer, lda int, b unsafe.Pointer, ldb int, beta T, c unsafe.Pointer, ldc int) error, tol float64, forms ...[2]bool) {
	t.Helper()
	if forms == nil {
		forms = [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range sizes {
		for _, f := range forms {
			for _, pad := range pads(s) {
				m, n, k := s[0], s[1], s[2]
				a, b := random[T](rng, m, k, pad), random[T](rng, k, n, 2*pad)
				if f[0] {
					a = random[T](rng, k, m, pad)
				}
				if f[1] {
					b = random[T](rng, n, k, 2*pad)
				}
				c := random[T](rng, m, n, pad)
				beta := T(pad) / 2
				want := naive(f[0], f[1], k, 1.5, a, b, beta, c)
				if beta == 0 {
					for i := range m {
						for j := range n {
							c.set(i, j, T(math.NaN())) // beta 0 must not read C
						}
					}
				}
				if err := gemm(f[0], f[1], m, n, k, 1.5, a.ptr(), a.ld, b.ptr(), b.ld, beta, c.ptr(), c.ld); err != nil {
					t.Fatal(err)
				}
				if e := relErr(c, want, everywhere); !(e <= tol) {
					t.Errorf("gemm %T %v trans %v pad %d: relative error %g, want ≤ %g", beta, s, f, pad, e, tol)
				}
				if err := c.paddingIntact(); err != nil {
					t.Errorf("gemm %T %v: %v", beta, s, err)
				}
			}
		}
	}
}

func TestSyrk(t *testing.T) {
	each(t, func(t *testing.T, b *BLAS) {
		testSyrk(t, b.Syrk64, 1e-13) // tolerances as in TestGemm
		testSyrk(t, b.Syrk32, 1e-5)
	})
}

func testSyrk[T real32or64](t *testing.T, syrk func(n, k int, alpha T, a unsafe.Pointer, lda int, beta T, c unsafe.Pointer, ldc int) error, tol float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	for _, s := range sizes {
		for _, pad := range pads(s) {
			n, k := s[0], s[2]
			a, c := random[T](rng, n, k, pad), random[T](rng, n, n, pad)
			beta := T(pad) / 2
			want := naive(false, true, k, -0.5, a, a, beta, c)
			before := c.clone()
			if beta == 0 {
				for i := range n {
					for j := i; j < n; j++ {
						c.set(i, j, T(math.NaN()))
					}
				}
			}
			if err := syrk(n, k, -0.5, a.ptr(), a.ld, beta, c.ptr(), c.ld); err != nil {
				t.Fatal(err)
			}
			if e := relErr(c, want, onAndAbove); !(e <= tol) {
				t.Errorf("syrk %T n=%d k=%d pad %d: relative error %g, want ≤ %g", beta, n, k, pad, e, tol)
			}
			for i := range n {
				for j := range i {
					if c.at(i, j) != before.at(i, j) {
						t.Fatalf("syrk %T n=%d k=%d: entry (%d, %d) below the diagonal was written", beta, n, k, i, j)
					}
				}
			}
			if err := c.paddingIntact(); err != nil {
				t.Errorf("syrk %T n=%d k=%d: %v", beta, n, k, err)
			}
		}
	}
}

func TestProductsDoNotDependOnThreads(t *testing.T) {
	each(t, func(t *testing.T, b *BLAS) {
		defer b.SetThreads(0)
		rng := rand.New(rand.NewPCG(5, 6))
		for _, s := range [][2]int{{64, 20000}, {500, 900}} { // split over k; split into tiles
			n, k := s[0], s[1]
			a := random[float32](rng, n, k, 0)
			var first matrix[float32]
			for _, threads := range []int{1, 2, 3, 7} {
				b.SetThreads(threads)
				if b.Threads() != threads {
					t.Fatalf("Threads: got %d, want %d", b.Threads(), threads)
				}
				c := matrix[float32]{n, n, n, make([]float32, n*n)}
				if err := b.Syrk32(n, k, 1, a.ptr(), a.ld, 0, c.ptr(), n); err != nil {
					t.Fatal(err)
				}
				if threads == 1 {
					first = c
					continue
				}
				for i := range c.data {
					if math.Float32bits(c.data[i]) != math.Float32bits(first.data[i]) {
						t.Fatalf("n=%d k=%d: entry %d is %g with %d threads, %g with one", n, k, i, c.data[i], threads, first.data[i])
					}
				}
			}
		}
	})
}

func TestProductsRefuseBadSizes(t *testing.T) {
	each(t, func(t *testing.T, b *BLAS) {
		x := make([]float64, 16)
		p := unsafe.Pointer(&x[0])
		for name, err := range map[string]error{
			"negative n":    b.Syrk64(-1, 2, 1, p, 2, 0, p, 2),
			"short lda":     b.Syrk64(2, 3, 1, p, 2, 0, p, 2),
			"short ldc":     b.Syrk64(3, 2, 1, p, 2, 0, p, 2),
			"nil A":         b.Syrk64(2, 2, 1, nil, 2, 0, p, 2),
			"nil C":         b.Syrk64(2, 2, 1, p, 2, 0, nil, 2),
			"33-bit k":      b.Gemm64NT(2, 2, 1<<32, 1, p, 1<<32, p, 1<<32, 0, p, 2),
			"short ldb":     b.Gemm64NT(2, 2, 3, 1, p, 3, p, 2, 0, p, 2),
			"short A trans": b.Gemm64(true, false, 3, 2, 2, 1, p, 2, p, 2, 0, p, 2),
		} {
			if !errors.Is(err, ErrShape) {
				t.Errorf("%s: got %v, want ErrShape", name, err)
			}
		}
		if err := b.Syrk64(2, 2, 0, nil, 2, 0, p, 2); err != nil {
			t.Errorf("alpha 0 does not read A: got %v", err)
		}
	})
}

func TestPartitionCoversOnce(t *testing.T) {
	for _, s := range [][3]int{{1, 1, 1}, {160, 160, 36864}, {1000, 1000, 2000}, {5000, 7, 300}, {2000, 2000, 0}} {
		for _, symmetric := range []bool{false, true} {
			m, n, k := s[0], s[1], s[2]
			if symmetric {
				n = m
			}
			p := partition(m, n, k, symmetric)
			area, length := 0, 0
			for _, x := range p.tiles {
				switch {
				case symmetric && x.i == x.j:
					area += x.m * (x.m + 1) / 2
				default:
					area += x.m * x.n
				}
			}
			for _, x := range p.parts {
				if x[0] != length {
					t.Errorf("%v: a part starts at %d, want %d", s, x[0], length)
				}
				length += x[1]
			}
			want := m * n
			if symmetric {
				want = n * (n + 1) / 2
			}
			if area != want || length != k {
				t.Errorf("%v symmetric %v: covers %d entries and %d of k, want %d and %d", s, symmetric, area, length, want, k)
			}
		}
	}
}

func BenchmarkSyrk32(bench *testing.B) {
	for _, s := range [][2]int{{160, 36864}, {640, 36864}, {2000, 2000}, {64, 100000}} {
		for _, threads := range []int{1, 0} {
			bench.Run(fmt.Sprintf("n=%d/k=%d/threads=%d", s[0], s[1], threads), func(bench *testing.B) {
				b := installedOpenBLAS(bench)
				b.SetThreads(threads)
				defer b.SetThreads(0)
				n, k := s[0], s[1]
				a := random[float32](rand.New(rand.NewPCG(1, 1)), n, k, 0)
				c := make([]float32, n*n)
				for bench.Loop() {
					if err := b.Syrk32(n, k, 1, a.ptr(), k, 0, unsafe.Pointer(&c[0]), n); err != nil {
						bench.Fatal(err)
					}
				}
				bench.ReportMetric(float64(n)*float64(n+1)*float64(k)*float64(bench.N)/bench.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
