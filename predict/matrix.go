package predict

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/gontk/ntk/internal/native"
)

// A Matrix is row-major: entry (i, j) is Data[i·Cols+j]. Functions of this package
// do not change the matrices they are given.
type Matrix struct {
	Rows, Cols int
	Data       []float64
}

// NewMatrix returns a rows × cols matrix of zeros.
func NewMatrix(rows, cols int) Matrix {
	return Matrix{Rows: rows, Cols: cols, Data: make([]float64, rows*cols)}
}

// Row returns row i, not a copy.
func (m Matrix) Row(i int) []float64 { return m.Data[i*m.Cols:][:m.Cols:m.Cols] }

// Select returns copies of the rows idx, in that order. An index outside
// 0..Rows-1 panics, as a slice's does.
func (m Matrix) Select(idx []int) Matrix {
	out := NewMatrix(len(idx), m.Cols)
	for i, r := range idx {
		copy(out.Row(i), m.Row(r))
	}
	return out
}

// Submatrix returns a copy of the entries at the given rows and columns: of a Gram
// matrix of all examples, that of training examples, or of test examples with them.
func (m Matrix) Submatrix(rows, cols []int) Matrix {
	out := NewMatrix(len(rows), len(cols))
	for i, r := range rows {
		from, to := m.Row(r), out.Row(i)
		for j, c := range cols {
			to[j] = from[c]
		}
	}
	return out
}

// check fails unless m is rows × cols and finite.
func (m Matrix) check(name string, rows, cols int) error {
	if m.Rows != rows || m.Cols != cols || len(m.Data) != rows*cols {
		return fmt.Errorf("predict: %s is [%d, %d] with %d entries; want [%d, %d]", name, m.Rows, m.Cols, len(m.Data), rows, cols)
	}
	for i, x := range m.Data {
		if x-x != 0 {
			return fmt.Errorf("predict: %s has %g at [%d, %d]; want finite entries", name, x, i/cols, i%cols)
		}
	}
	return nil
}

// asymmetry is how far, relative to the largest entry, entries of a kernel of
// examples with themselves may differ from their mirror images: float32 rounding
// passes, a kernel of two different sets does not.
const asymmetry = 1e-5

// checkSymmetric fails unless m is n × n, finite and symmetric to float32 rounding.
func (m Matrix) checkSymmetric(name string, n int) error {
	if err := m.check(name, n, n); err != nil {
		return err
	}
	top := maxAbs(m.Data)
	for i := range n {
		for j := range i {
			if a, b := m.Data[i*n+j], m.Data[j*n+i]; math.Abs(a-b) > asymmetry*top {
				return fmt.Errorf("predict: %s has %g at [%d, %d] and %g at [%d, %d]; want a symmetric matrix", name, a, i, j, b, j, i)
			}
		}
	}
	return nil
}

// reshape views the entries of m as rows × cols.
func (m Matrix) reshape(rows, cols int) Matrix {
	return Matrix{Rows: rows, Cols: cols, Data: m.Data}
}

// orZero returns m, or zeros if m has no entries.
func (m Matrix) orZero(rows, cols int) Matrix {
	if m.Data == nil && m.Rows == 0 && m.Cols == 0 {
		return NewMatrix(rows, cols)
	}
	return m
}

// shifted returns a copy of the square m with r added to its diagonal.
func (m Matrix) shifted(r float64) Matrix {
	out := NewMatrix(m.Rows, m.Cols)
	copy(out.Data, m.Data)
	for i := range m.Rows {
		out.Data[i*m.Cols+i] += r
	}
	return out
}

// An operand of a product: a matrix, or its transpose.
type operand struct {
	Matrix
	transposed bool
}

func plain(m Matrix) operand      { return operand{m, false} }
func transposed(m Matrix) operand { return operand{m, true} }

func (o operand) size() (rows, cols int) {
	if o.transposed {
		return o.Cols, o.Rows
	}
	return o.Rows, o.Cols
}

// product returns a·b.
func product(blas *native.BLAS, a, b operand) (Matrix, error) {
	m, _ := a.size()
	_, n := b.size()
	c := NewMatrix(m, n)
	return c, addProduct(blas, c, 1, a, b, 0)
}

// addProduct sets c to alpha·a·b + beta·c.
func addProduct(blas *native.BLAS, c Matrix, alpha float64, a, b operand, beta float64) error {
	m, k := a.size()
	kb, n := b.size()
	if k != kb || c.Rows != m || c.Cols != n {
		return fmt.Errorf("predict: a product of [%d, %d] and [%d, %d] does not fit [%d, %d]", m, k, kb, n, c.Rows, c.Cols)
	}
	ptr := func(m Matrix) (unsafe.Pointer, int) {
		return unsafe.Pointer(unsafe.SliceData(m.Data)), max(m.Cols, 1)
	}
	pa, lda := ptr(a.Matrix)
	pb, ldb := ptr(b.Matrix)
	pc, ldc := ptr(c)
	return blas.Gemm64(a.transposed, b.transposed, m, n, k, alpha, pa, lda, pb, ldb, beta, pc, ldc)
}

// products multiplies until something fails.
type products struct {
	blas *native.BLAS
	err  error
}

func (p *products) of(a, b operand) Matrix {
	if p.err != nil {
		return Matrix{}
	}
	var c Matrix
	c, p.err = product(p.blas, a, b)
	return c
}

func maxAbs(v []float64) float64 {
	top := 0.0
	for _, x := range v {
		top = max(top, math.Abs(x))
	}
	return top
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i, x := range a {
		s += x * b[i]
	}
	return s
}
