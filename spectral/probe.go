package spectral

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas64"
)

// stream separates the uses of one seed, so that the sketch of an estimator is
// independent of its probes.
type stream uint64

const (
	startStream stream = iota << 32
	fillStream
	sketchStream
	probeStream
)

// generator returns the random numbers of probe i: a function of the counter
// alone, whatever was drawn before.
func generator(seed uint64, s stream, i int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(s)+uint64(i)))
}

// gaussian fills v with N(0, 1).
func gaussian(v []float64, seed uint64, s stream, i int) {
	g := generator(seed, s, i)
	for j := range v {
		v[j] = g.NormFloat64()
	}
}

// rademacher fills v with ±1.
func rademacher(v []float64, seed uint64, s stream, i int) {
	g := generator(seed, s, i)
	var bits uint64
	for j := range v {
		if j%64 == 0 {
			bits = g.Uint64()
		}
		v[j] = float64(2*int(bits&1) - 1)
		bits >>= 1
	}
}

// spherical fills v with a vector of length √n in a uniform direction.
func spherical(v []float64, seed uint64, s stream, i int) {
	gaussian(v, seed, s, i)
	blas64.Scal(math.Sqrt(float64(len(v)))/blas64.Nrm2(vector(v)), vector(v))
}

// An Estimate is a random one, with its standard error.
type Estimate struct {
	// Value is the mean over probes.
	Value float64
	// Error is the standard error of Value over probes, 0 where the method is
	// exact. It knows nothing of rounding.
	Error float64
	// Products counts products with the operator.
	Products int
}

// meanAndError returns the mean of x and its standard error, from the sample
// variance with len(x)−1 degrees of freedom.
func meanAndError(x []float64) (mean, err float64) {
	for i, v := range x {
		mean += (v - mean) / float64(i+1)
	}
	if len(x) < 2 {
		return mean, math.NaN()
	}
	for _, v := range x {
		err += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(err / float64(len(x)-1) / float64(len(x)))
}
