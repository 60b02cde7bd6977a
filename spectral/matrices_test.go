package spectral

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// matrix makes a Dense of a formula.
func matrix(t testing.TB, n int, f func(i, j int) float64) *Dense {
	t.Helper()
	a := make([]float64, n*n)
	for i := range n {
		for j := range n {
			a[i*n+j] = f(i, j)
		}
	}
	d, err := NewDense(n, a)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func diagonal(t testing.TB, d []float64) *Dense {
	return matrix(t, len(d), func(i, j int) float64 {
		if i == j {
			return d[i]
		}
		return 0
	})
}

// laplacian is tridiagonal with 2 and −1; its eigenvalues are
// 2 − 2·cos(πj/(n+1)), j = 1 … n.
func laplacian(t testing.TB, n int) *Dense {
	return matrix(t, n, func(i, j int) float64 {
		switch i - j {
		case 0:
			return 2
		case 1, -1:
			return -1
		}
		return 0
	})
}

func laplacianValues(n int) []float64 {
	v := make([]float64, n)
	for j := range n {
		v[j] = 2 - 2*math.Cos(math.Pi*float64(n-j)/float64(n+1))
	}
	return v
}

// kernel is the Gaussian kernel on the points of testdata/scipy_values.py.
func kernel(t testing.TB, n int) *Dense {
	point := func(i int) [3]float64 {
		x := float64(i)
		return [3]float64{math.Sin(1.7 * x), math.Cos(2.9 * x), math.Sin(0.6*x + 1)}
	}
	return matrix(t, n, func(i, j int) float64 {
		p, q, d := point(i), point(j), 0.0
		for c := range p {
			d += (p[c] - q[c]) * (p[c] - q[c])
		}
		return math.Exp(-d / 2)
	})
}

// gram is X·Xᵀ/p for a random X [n, p].
func gram(t testing.TB, n, p int, seed uint64) *Dense {
	r := rand.New(rand.NewPCG(seed, 0))
	x := make([]float64, n*p)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return matrix(t, n, func(i, j int) float64 {
		sum := 0.0
		for l := range p {
			sum += x[i*p+l] * x[j*p+l]
		}
		return sum / float64(p)
	})
}

// repeated is the Kronecker product of a and the identity of size times: each
// eigenvalue of a, so many times.
func repeated(t testing.TB, a *Dense, times int) *Dense {
	n := a.Dim()
	return matrix(t, n*times, func(i, j int) float64 {
		if i%times != j%times {
			return 0
		}
		return a.a.Data[i/times*n+j/times]
	})
}

// lapack returns all eigenvalues by gonum's dense solver, descending.
func lapack(t testing.TB, a *Dense) []float64 {
	t.Helper()
	var e mat.EigenSym
	if !e.Factorize(mat.NewSymDense(a.Dim(), slices.Clone(a.a.Data)), false) {
		t.Fatal("gonum's EigenSym failed")
	}
	v := e.Values(nil)
	slices.Reverse(v)
	return v
}

// vecOnly hides the block product.
type vecOnly struct{ Operator }

// A function as an operator.
type function struct {
	n   int
	mul func(ctx context.Context, dst, v []float64) error
}

func (f function) Dim() int { return f.n }
func (f function) MulVec(ctx context.Context, dst, v []float64) error {
	return f.mul(ctx, dst, v)
}

// float32Product multiplies by a in float32, with errors of some 1e-7·‖A‖.
func float32Product(a *Dense) Operator {
	n := a.Dim()
	return function{n, func(_ context.Context, dst, v []float64) error {
		for i := range dst {
			sum := float32(0)
			for j, x := range v {
				sum += float32(a.a.Data[i*n+j]) * float32(x)
			}
			dst[i] = float64(sum)
		}
		return nil
	}}
}

func constant(n int, v float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func closeTo(t testing.TB, what string, got, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if e := math.Abs(got[i] - want[i]); !(e <= tol) {
			t.Errorf("%s: entry %d is %.15g, want %.15g; off by %.2g, want ≤ %.2g", what, i, got[i], want[i], e, tol)
			return
		}
	}
}

// scipyValues are made by testdata/scipy_values.py.
type scipyValues struct {
	Kernel struct {
		N           int       `json:"n"`
		Eigsh       []float64 `json:"eigsh"`
		LogDet1Plus float64   `json:"logdet_1_plus"`
		TraceExp    float64   `json:"trace_expm"`
		Rho         float64   `json:"rho"`
		CG          []float64 `json:"cg"`
	} `json:"kernel"`
	Tridiagonal struct {
		N      int       `json:"n"`
		Eigsh  []float64 `json:"eigsh"`
		LOBPCG []float64 `json:"lobpcg"`
	} `json:"tridiagonal"`
}

func scipy(t testing.TB) scipyValues {
	t.Helper()
	text, err := os.ReadFile("testdata/scipy_values.json")
	if err != nil {
		t.Fatal(err)
	}
	var v scipyValues
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
