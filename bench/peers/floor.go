package main

import (
	"fmt"
	"io"
	"math"
	"time"
	"unsafe"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/native"
)

// gemmRate returns the FLOP/s of the host's C = A·Bᵀ for matrices of
// 2048 × 2048, the best of 3 after one to warm up.
func gemmRate(blas *native.BLAS, dtype dtypes.DType) (float64, error) {
	if dtype == dtypes.Float64 {
		return gemmRateOf[float64](func(n int, a, b, c unsafe.Pointer) error {
			return blas.Gemm64NT(n, n, n, 1, a, n, b, n, 0, c, n)
		})
	}
	return gemmRateOf[float32](func(n int, a, b, c unsafe.Pointer) error {
		return blas.Gemm32NT(n, n, n, 1, a, n, b, n, 0, c, n)
	})
}

func gemmRateOf[T float32 | float64](gemm func(n int, a, b, c unsafe.Pointer) error) (float64, error) {
	const n = 2048
	a, b, c := make([]T, n*n), make([]T, n*n), make([]T, n*n)
	for i := range a {
		// Ordinary numbers: zeros and denormals have rates of their own.
		a[i], b[i] = 1+T(i%7)/8, 1-T(i%5)/8
	}
	best := math.Inf(1)
	for i := range 4 {
		start := time.Now()
		if err := gemm(n, unsafe.Pointer(&a[0]), unsafe.Pointer(&b[0]), unsafe.Pointer(&c[0])); err != nil {
			return 0, err
		}
		if s := time.Since(start).Seconds(); i > 0 {
			best = min(best, s)
		}
	}
	return 2 * n * n * n / best, nil
}

// work counts the FLOPs of one Gram matrix.
type work struct {
	planned float64 // by the ways that the plan takes
	fewest  float64 // by the way of fewest FLOPs for each weight
}

// count adds up a plan: the forward pass and the cotangents, which do not
// depend on the ways, and each weight's term.
//
// Forward and cotangents are those of the plan whose weights are all contracted
// by factors: the Program of a materialized Jacobian forms it, which its
// weight's term counts too. Ways that the memory does not allow are left out.
func count(net *empirical.Network, n int, opts empirical.Options, progress io.Writer) (work, error) {
	auto, err := net.Plan(n, 0, opts)
	if err != nil {
		return work{}, err
	}
	w := work{planned: auto.JacobianFLOPs + auto.ContractionFLOPs}
	fewest := make([]float64, len(auto.Weights))
	for i, p := range auto.Weights {
		fewest[i] = p.FLOPs
	}
	shared := auto.JacobianFLOPs
	for _, way := range []empirical.Way{empirical.Materialize, empirical.Factor, empirical.Sequential} {
		opts.Way = way
		p, err := net.Plan(n, 0, opts)
		if err != nil {
			_, _ = fmt.Fprintf(progress, "  %s is not counted: %v\n", way, err)
			continue
		}
		for i, q := range p.Weights {
			fewest[i] = min(fewest[i], q.FLOPs)
		}
		if way == empirical.Factor {
			shared = p.JacobianFLOPs
			w.planned = shared + auto.ContractionFLOPs
		}
	}
	w.fewest = shared
	for _, f := range fewest {
		w.fewest += f
	}
	return w, nil
}
