package cmd

import (
	"context"
	"fmt"
	"math"

	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/predict"
)

// A kernelSource computes what --kernel names, on the examples of one set.
type kernelSource interface {
	// whole returns K [N, C] of all examples with those of columns.
	whole(ctx context.Context, p kernelPoint, columns []int) (predict.Matrix, error)
	// diagonal returns K(x, x) of the examples from first on.
	diagonal(ctx context.Context, p kernelPoint, first int) ([]float64, error)
}

// diagonalBlock is how many examples at a time give diagonals: what is computed off
// the diagonal is thrown away.
const diagonalBlock = 8

// inBlocks calls visit for blocks of the examples from first to n−1.
func inBlocks(first, n int, visit func(from, to int) error) error {
	for from := first; from < n; from += diagonalBlock {
		if err := visit(from, min(n, from+diagonalBlock)); err != nil {
			return err
		}
	}
	return nil
}

// A formulaSource computes formulas of the examples.
type formulaSource struct {
	blas   *native.BLAS
	x      predict.Matrix
	of     string
	degree int
	shift  float64
}

func newFormulaSource(blas *native.BLAS, set *data.Set, p *predictFlags) *formulaSource {
	return &formulaSource{blas, predict.Matrix{Rows: set.Len(), Cols: set.Features(), Data: set.X}, p.name.of, p.degree, p.shift}
}

// kernel returns the formula at a point of the grid; γ is in units of one over the
// number of features, as it is of linear.
func (s *formulaSource) kernel(p kernelPoint) predict.Kernel {
	d := float64(s.x.Cols)
	switch s.of {
	case "gaussian":
		return predict.Gaussian(s.blas, lengthOf(p.Gamma, d))
	case "laplace":
		return predict.Laplace(s.blas, math.Sqrt(d)/p.Gamma)
	case "polynomial":
		return predict.Polynomial(s.blas, s.degree, p.Gamma/d, s.shift)
	}
	return predict.Linear(s.blas)
}

func (s *formulaSource) whole(ctx context.Context, p kernelPoint, columns []int) (predict.Matrix, error) {
	return predict.Gram(ctx, s.kernel(p), s.x, s.x.Select(columns))
}

func (s *formulaSource) diagonal(ctx context.Context, p kernelPoint, first int) ([]float64, error) {
	var out []float64
	err := inBlocks(first, s.x.Rows, func(from, to int) error {
		part := predict.Matrix{Rows: to - from, Cols: s.x.Cols, Data: s.x.Data[from*s.x.Cols : to*s.x.Cols]}
		k, err := predict.Gram(ctx, s.kernel(p), part, part)
		if err != nil {
			return err
		}
		for i := range k.Rows {
			out = append(out, k.Row(i)[i])
		}
		return nil
	})
	return out, err
}

// A fileSource reads a Gram matrix: of all examples, or of all with the first.
type fileSource struct {
	path string
	k    predict.Matrix
}

// readKernel reads the file of --kernel for n examples, the first of which are
// trained on. Its own size is compared with the budget first.
func readKernel(ctx context.Context, path string, n, train int, budget machine.Budget) (*fileSource, error) {
	spec, err := tiles.StatGram(path)
	if err != nil {
		return nil, err
	}
	rows, cols := spec.N1, spec.N2
	if len(spec.Tail) > 0 || rows != n || cols != n && cols != train {
		return nil, fmt.Errorf("%s has shape %v; want the kernel of the %d examples to train and test on, in that order, [%d, %d], or with the %d to train on, [%d, %d]", path, spec.Shape(), n, n, n, train, n, train)
	}
	if need := 2 * 8 * int64(rows) * int64(cols); !budget.Fits(need) {
		return nil, budget.Exceeded(path, need, "")
	}
	_, values, err := tiles.ReadGram(ctx, path)
	return &fileSource{path, predict.Matrix{Rows: rows, Cols: cols, Data: values}}, err
}

func (s *fileSource) whole(_ context.Context, _ kernelPoint, columns []int) (predict.Matrix, error) {
	all := make([]int, s.k.Rows)
	for i := range all {
		all[i] = i
	}
	return s.k.Submatrix(all, columns), nil
}

func (s *fileSource) diagonal(_ context.Context, _ kernelPoint, first int) ([]float64, error) {
	if s.k.Cols < s.k.Rows {
		return nil, fmt.Errorf("%s is [%d, %d]; --method gp wants the kernel of all examples, [%d, %d]", s.path, s.k.Rows, s.k.Cols, s.k.Rows, s.k.Rows)
	}
	var out []float64
	for i := first; i < s.k.Rows; i++ {
		out = append(out, s.k.Row(i)[i])
	}
	return out, nil
}
