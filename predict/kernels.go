package predict

import (
	"context"
	"fmt"
	"math"
	"sync"

	"github.com/gontk/ntk/internal/native"
)

// A Kernel sets dst [n1, n2] to k(x_i, x'_j) for the rows of x1 [n1, d] and of
// x2 [n2, d]: what machines compare with the kernels of networks.
type Kernel func(ctx context.Context, dst, x1, x2 Matrix) error

// Gram returns the kernel of the rows of x1 with those of x2, [n1, n2].
func Gram(ctx context.Context, k Kernel, x1, x2 Matrix) (Matrix, error) {
	dst := NewMatrix(x1.Rows, x2.Rows)
	return dst, k(ctx, dst, x1, x2)
}

// Linear is k(x, x') = x·x'/d with d features: the NNGP kernel of one dense layer.
func Linear(blas *native.BLAS) Kernel {
	return func(ctx context.Context, dst, x1, x2 Matrix) error {
		return inner(ctx, blas, dst, x1, x2, 1/float64(max(x1.Cols, 1)))
	}
}

// Polynomial is k(x, x') = (gamma·x·x' + shift)^degree. The kernel returns an error
// if degree is below 1, or gamma or shift is negative: it would be no kernel.
func Polynomial(blas *native.BLAS, degree int, gamma, shift float64) Kernel {
	return func(ctx context.Context, dst, x1, x2 Matrix) error {
		if degree < 1 || !(gamma >= 0 && shift >= 0) {
			return fmt.Errorf("predict: polynomial kernel: degree %d, gamma %g, shift %g; want at least 1, 0, 0", degree, gamma, shift)
		}
		if err := inner(ctx, blas, dst, x1, x2, gamma); err != nil {
			return err
		}
		return eachRow(ctx, blas, dst.Rows, func(i int) {
			for j, v := range dst.Row(i) {
				dst.Row(i)[j] = power(v+shift, degree)
			}
		})
	}
}

func power(x float64, k int) float64 {
	out := 1.0
	for ; k > 0; k >>= 1 {
		if k&1 == 1 {
			out *= x
		}
		x *= x
	}
	return out
}

// Gaussian is k(x, x') = e^{−‖x−x'‖²/(2ℓ²)}. The kernel returns an error if the
// length ℓ is not positive.
func Gaussian(blas *native.BLAS, length float64) Kernel {
	return stationary(blas, length, func(squared float64) float64 { return math.Exp(-squared / (2 * length * length)) })
}

// Laplace is k(x, x') = e^{−‖x−x'‖/ℓ} with the Euclidean norm, whose functions are
// those of the NTK of ReLU networks on a sphere (Chen, Xu 2021). The kernel returns
// an error if the length ℓ is not positive.
func Laplace(blas *native.BLAS, length float64) Kernel {
	return stationary(blas, length, func(squared float64) float64 { return math.Exp(-math.Sqrt(squared) / length) })
}

// stationary is a function of the squared distance.
func stationary(blas *native.BLAS, length float64, f func(squared float64) float64) Kernel {
	return func(ctx context.Context, dst, x1, x2 Matrix) error {
		if !(length > 0) || math.IsInf(length, 1) {
			return fmt.Errorf("predict: a kernel's length is %g; want a finite number above 0", length)
		}
		if err := inner(ctx, blas, dst, x1, x2, 1); err != nil {
			return err
		}
		norms := make([]float64, x2.Rows)
		for j := range norms {
			norms[j] = dot(x2.Row(j), x2.Row(j))
		}
		return eachRow(ctx, blas, dst.Rows, func(i int) {
			a, own := x1.Row(i), dot(x1.Row(i), x1.Row(i))
			for j, v := range dst.Row(i) {
				both := own + norms[j]
				squared := both - 2*v
				// Near each other the difference of squares has lost its digits.
				if squared < 1e-4*both {
					squared = 0
					for c, b := range x2.Row(j) {
						squared += (a[c] - b) * (a[c] - b)
					}
				}
				dst.Row(i)[j] = f(squared)
			}
		})
	}
}

// inner sets dst to scale·x1·x2ᵀ.
func inner(ctx context.Context, blas *native.BLAS, dst, x1, x2 Matrix, scale float64) error {
	if err := x1.check("x1", x1.Rows, x1.Cols); err != nil {
		return err
	}
	if err := x2.check("x2", x2.Rows, x1.Cols); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return addProduct(blas, dst, scale, plain(x1), transposed(x2), 0)
}

// eachRow calls task for every row, on as many goroutines as blas may use.
func eachRow(ctx context.Context, blas *native.BLAS, rows int, task func(i int)) error {
	workers := max(1, min(blas.Threads(), rows))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < rows && ctx.Err() == nil; i += workers {
				task(i)
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
