package train

import (
	"fmt"
	"math"
)

// Distance returns how far two kernels are apart in direction,
//
//	S(Θ, Θ') = 1 − <Θ, Θ'>/(‖Θ‖‖Θ'‖)
//
// with Frobenius norms: 0 for multiples of one another, at most 1 for kernels. It
// is computed as ½‖Θ/‖Θ‖ − Θ'/‖Θ'‖‖², which rounding does not make 1e-16 where it
// is 1e-20. It returns an error if sizes differ or a kernel is zero.
//
// Source: Fort et al., "Deep learning versus kernel learning: an empirical study
// of loss landscape geometry and the time evolution of the neural tangent kernel"
// (NeurIPS 2020), kernel distance; their kernel velocity is S(Θ_t, Θ_t')/(t'−t).
func Distance(a, b []float64) (float64, error) {
	if len(a) != len(b) {
		return 0, fmt.Errorf("train: kernels of %d and %d entries have no distance", len(a), len(b))
	}
	na, nb := norm(a), norm(b)
	if na == 0 || nb == 0 {
		return 0, fmt.Errorf("train: a kernel that is zero has no direction")
	}
	sum := 0.0
	for i := range a {
		d := a[i]/na - b[i]/nb
		sum += d * d
	}
	return sum / 2, nil
}

// CentredAlignment returns the alignment of two kernels [n, n] after centring, H = 1 − 11ᵀ/n,
//
//	<HKH, HK'H>/(‖HKH‖‖HK'H‖),
//
// also called CKA, between 0 and 1. NaN stands for kernels that are constant, and
// vanish when centred.
//
// Source: Cortes, Mohri, Rostamizadeh, "Algorithms for learning kernels based on
// centered alignment" (JMLR 2012), definition 4.
func CentredAlignment(n int, a, b []float64) (float64, error) {
	if len(a) != n*n || len(b) != n*n {
		return 0, fmt.Errorf("train: kernels of %d and %d entries are not both %d × %d", len(a), len(b), n, n)
	}
	a, b = centred(n, a), centred(n, b)
	dot := 0.0
	for i := range a {
		dot += a[i] * b[i]
	}
	return dot / (norm(a) * norm(b)), nil
}

// centred returns HKH.
func centred(n int, k []float64) []float64 {
	rows, cols, mean := make([]float64, n), make([]float64, n), 0.0
	for i := range n {
		for j := range n {
			x := k[i*n+j] / float64(n)
			rows[i] += x
			cols[j] += x
			mean += x / float64(n)
		}
	}
	out := make([]float64, n*n)
	for i := range n {
		for j := range n {
			out[i*n+j] = k[i*n+j] - rows[i] - cols[j] + mean
		}
	}
	return out
}

func norm(a []float64) float64 {
	top := 0.0
	for _, x := range a {
		top = max(top, math.Abs(x))
	}
	if top == 0 {
		return 0
	}
	sum := 0.0
	for _, x := range a {
		sum += x / top * (x / top)
	}
	return top * math.Sqrt(sum)
}

// targetKernel returns yyᵀ [n, n] of targets [n, o].
func targetKernel(n, o int, y []float64) []float64 {
	k := make([]float64, n*n)
	for i := range n {
		for j := range n {
			for c := range o {
				k[i*n+j] += y[i*o+c] * y[j*o+c]
			}
		}
	}
	return k
}

// meanOver returns (1/O)·Σ_o Θ[n, m, o, o] of a full Θ [n, n, o, o].
func meanOver(theta []float64, n, o int) []float64 {
	out := make([]float64, n*n)
	for i := range out {
		for k := range o {
			out[i] += theta[(i*o+k)*o+k] / float64(o)
		}
	}
	return out
}
