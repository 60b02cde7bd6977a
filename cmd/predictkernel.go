package cmd

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/predict"
)

// lengthOf returns ℓ of exp(−‖x−x'‖²/(2ℓ²)) = exp(−γ‖x−x'‖²/d).
func lengthOf(gamma, d float64) float64 { return math.Sqrt(d / (2 * gamma)) }

// kernelRows are rows of a kernel, over the mean of K(x, x) at its columns: those of
// all examples [N, C] at once, or computed again whenever they are asked for.
type kernelRows struct {
	dense   predict.Matrix
	formula predict.Kernel // where dense has no entries
	x, at   predict.Matrix // examples, and those of columns
	columns []int
	scale   float64
}

// newKernelRows normalizes a matrix in place.
func newKernelRows(dense predict.Matrix, columns []int) (*kernelRows, error) {
	k := &kernelRows{dense: dense, columns: columns}
	for j, i := range columns {
		k.scale += dense.Row(i)[j] / float64(len(columns))
	}
	if err := k.checkScale(); err != nil {
		return nil, err
	}
	for i := range dense.Data {
		dense.Data[i] /= k.scale
	}
	return k, nil
}

// newFormulaRows computes rows when they are asked for.
func newFormulaRows(ctx context.Context, s *formulaSource, p kernelPoint, columns []int) (*kernelRows, error) {
	k := &kernelRows{formula: s.kernel(p), x: s.x, at: s.x.Select(columns), columns: columns}
	own := *s
	own.x = k.at
	d, err := own.diagonal(ctx, p, 0)
	for _, v := range d {
		k.scale += v / float64(len(d))
	}
	if err == nil {
		err = k.checkScale()
	}
	return k, err
}

func (k *kernelRows) checkScale() error {
	if !(k.scale > 0) || math.IsInf(k.scale, 1) {
		return fmt.Errorf("the mean of K(x, x) over the training examples is %g; want a kernel with a finite one above 0", k.scale)
	}
	return nil
}

// of returns rows of the examples idx, in blocks that Falkon asks for.
func (k *kernelRows) of(idx []int) predict.Rows {
	return func(ctx context.Context, dst predict.Matrix, from int) error {
		part := idx[from : from+dst.Rows]
		if k.formula == nil {
			for i, r := range part {
				copy(dst.Row(i), k.dense.Row(r))
			}
			return nil
		}
		if err := k.formula(ctx, dst, k.x.Select(part), k.at); err != nil {
			return err
		}
		for i := range dst.Data {
			dst.Data[i] /= k.scale
		}
		return nil
	}
}

// between returns the kernel of the examples idx with the columns at the places cols.
func (k *kernelRows) between(idx, cols []int) predict.Matrix { return k.dense.Submatrix(idx, cols) }

// upTo returns 0, 1, …, n−1.
func upTo(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
