//go:build !amd64

package planes

// There are kernels for AVX2 alone.
var accelerated = false

func applyFast[T Float](*rectifier[T], *call[T]) bool               { return false }
func differencesFast[T Float](*image[T]) bool                       { return false }
func tapSumFast[T Float](_, _ []T, _, _, _ int, _ *Layer) bool      { return false }
func totalFast[T Float](_ *[Lanes]float64, _ []T, _, _, _ int) bool { return false }
