package train

import (
	"math"
	"slices"
)

// Wasserstein returns how far the distributions of two samples on the line are apart,
//
//	W_1 = ∫ |F⁻¹(u) − G⁻¹(u)| du,
//
// the mean way of mass that turns one into the other, in units of the samples, which may
// differ in size. It is NaN if one is empty.
func Wasserstein(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return math.NaN()
	}
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	// Quantiles are constant between multiples of 1/n and of 1/m: in units of 1/nm,
	// whole numbers.
	n, m := len(a), len(b)
	sum := 0.0
	for at, i, j := 0, 0, 0; at < n*m; {
		next := min((i+1)*m, (j+1)*n)
		sum += float64(next-at) * math.Abs(a[i]-b[j])
		if at = next; at == (i+1)*m {
			i++
		}
		if at == (j+1)*n {
			j++
		}
	}
	return sum / float64(n) / float64(m)
}
