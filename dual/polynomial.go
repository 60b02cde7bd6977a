package dual

import (
	"fmt"
	"math"
	"slices"
)

// Polynomial returns Σ coef[i]·xⁱ. Its Hermite series is finite and known:
//
//	xⁿ = Σ_j n!/(2^j j! (n−2j)!)·He_{n−2j}(x).
func Polynomial(coef ...float64) *Activation {
	c := slices.Clone(coef)
	for len(c) > 0 && c[len(c)-1] == 0 {
		c = c[:len(c)-1]
	}
	d := derivative(c)
	f := Custom(fmt.Sprintf("polynomial(%v)", coef),
		func(x float64) float64 { return horner(c, x) },
		func(x float64) float64 { return horner(d, x) })
	f.Family, f.Params, f.finite = "polynomial", c, polynomial(c)
	return f
}

// Constant returns c: with it, [Cross] gives means.
func Constant(c float64) *Activation { return named(Polynomial(c), fmt.Sprintf("constant(%g)", c)) }

// Monomial returns x^degree.
func Monomial(degree int) (*Activation, error) {
	if degree < 0 || degree > maxDegree {
		return nil, fmt.Errorf("dual: monomial of degree %d: expected 0 to %d", degree, maxDegree)
	}
	c := make([]float64, degree+1)
	c[degree] = 1
	return named(Polynomial(c...), fmt.Sprintf("monomial(%d)", degree)), nil
}

// maxDegree keeps (2·degree)!, a moment of x^degree, finite.
const maxDegree = 80

func horner(c []float64, x float64) float64 {
	y := 0.0
	for _, v := range slices.Backward(c) {
		y = y*x + v
	}
	return y
}

func derivative(c []float64) []float64 {
	if len(c) < 2 {
		return nil
	}
	d := make([]float64, len(c)-1)
	for i := range d {
		d[i] = float64(i+1) * c[i+1]
	}
	return d
}

// A finite function has a finite Hermite series, known in closed form. Loss is
// the rounding of its coefficients, relative to the roots of their squares' sums.
type finite interface {
	series(q float64) (a, b []float64, loss float64)
}

type polynomial []float64

func (c polynomial) series(q float64) (a, b []float64, loss float64) {
	a, lossA := hermiteOf(c, q)
	b, lossB := hermiteOf(derivative(c), q)
	return a, b, max(lossA, lossB)
}

// hermiteOf returns the coefficients of Σ c_n (√q x)^n in h_k. They are sums in
// which terms may cancel: the loss is the rounding of the largest ones.
func hermiteOf(c []float64, q float64) (a []float64, loss float64) {
	a = make([]float64, len(c))
	size := make([]float64, len(c))
	for n, v := range c {
		if v == 0 {
			continue
		}
		// n!/(2^j j! √(n−2j)!), from j = 0, where it is √n!.
		w := v * math.Pow(q, float64(n)/2)
		for i := 2; i <= n; i++ {
			w *= math.Sqrt(float64(i))
		}
		for j := 0; 2*j <= n; j++ {
			k := n - 2*j
			a[k] += w
			size[k] += math.Abs(w)
			w *= math.Sqrt(float64(k)*float64(k-1)) / float64(2*(j+1))
		}
	}
	if s := squares(a); s > 0 {
		loss = float64(len(c)) * 0x1p-52 * math.Sqrt(squares(size)/s)
	}
	return a, loss
}

func exactSeries(f finite, q float64) *Series {
	a, b, loss := f.series(q)
	s := &Series{Q: q, A: a, B: b, square: squares(a), slopeSquare: squares(b), unresolved: loss}
	s.Reached = loss <= target
	return s
}
