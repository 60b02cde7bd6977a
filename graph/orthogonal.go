package graph

import (
	"fmt"
	"math"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"gonum.org/v1/gonum/mat"
)

// fits returns an error if no weight of shape dims can be drawn from f.
func (f Family) fits(dims []int) error {
	least := 0
	switch f {
	case Normal, Uniform:
	case Orthogonal, OrthogonalBlocks:
		least = 2
	case DeltaOrthogonal:
		least = 3
	default:
		return fmt.Errorf("weights of family %q cannot be drawn", f)
	}
	if len(dims) < least {
		return fmt.Errorf("weights of shape %v cannot be drawn from family %s, which needs at least %d axes", dims, f, least)
	}
	return nil
}

// blocks returns how a weight of shape dims is cut: into count matrices [m, n],
// of which Haar's measure gives all, or the centre alone.
func (f Family) blocks(dims []int) (count, m, n, centre int) {
	last := len(dims) - 1
	n = dims[last]
	if f == Orthogonal {
		return 1, sizeOf(dims[:last]), n, 0
	}
	for _, d := range dims[:last-1] {
		centre = centre*d + d/2
	}
	return sizeOf(dims[:last-1]), dims[last-1], n, centre
}

func sizeOf(dims []int) int {
	size := 1
	for _, d := range dims {
		size *= d
	}
	return size
}

// orthogonal returns the entries of a weight of shape dims and unit mean square.
func (s stream) orthogonal(f Family, dims []int) []float64 {
	count, m, n, centre := f.blocks(dims)
	w := make([]float64, count*m*n)
	if f == DeltaOrthogonal {
		s.haar(w[centre*m*n:(centre+1)*m*n], 0, m, n, math.Sqrt(float64(count)))
		return w
	}
	for b := range count {
		// A counter gives two numbers: blocks begin at one of their own.
		s.haar(w[b*m*n:(b+1)*m*n], uint64(b)*uint64((m*n+1)/2), m, n, 1)
	}
	return w
}

// haar fills dst [m, n] with scale·√max(m, n)·Q, Q the QR factor of the Gaussian
// matrix that the counters from c on give, or the transpose of one. The signs of
// R's diagonal are those that make Q uniform (Mezzadri, arXiv math-ph/0609050).
func (s stream) haar(dst []float64, c uint64, m, n int, scale float64) {
	rows, cols := max(m, n), min(m, n)
	z := make([]float64, rows*cols)
	s.normals(z, c)
	var qr mat.QR
	qr.Factorize(mat.NewDense(rows, cols, z))
	var q, r mat.Dense
	qr.QTo(&q)
	qr.RTo(&r)
	scale *= math.Sqrt(float64(rows))
	for j := range cols {
		signed := math.Copysign(scale, r.At(j, j))
		for i := range rows {
			if m >= n {
				dst[i*n+j] = signed * q.At(i, j)
			} else {
				dst[j*n+i] = signed * q.At(i, j)
			}
		}
	}
}

// orthogonalNode draws the same distribution in a graph, for programs that run
// the model without Initialize: Z(ZᵀZ)^{-1/2} of a Gaussian Z is uniform too,
// and the iteration X ← X(3 − XᵀX)/2 of Newton and Schulz finds it from products
// of matrices alone.
func orthogonalNode(ctx *mlctx.Context, g *gx.Graph, f Family, shape shapes.Shape) *gx.Node {
	count, m, n, centre := f.blocks(shape.Dimensions)
	drawn, scale := count, math.Sqrt(float64(max(m, n)))
	if f == DeltaOrthogonal {
		drawn, scale = 1, scale*math.Sqrt(float64(count))
	}
	rows, cols := max(m, n), min(m, n)
	x := ctx.RandomNormal(g, shapes.Make(shape.DType, drawn, rows, cols))
	// Divided by its norm, X has singular values up to 1, which all go to 1; the
	// smallest, of the order of rows^{−3/2} if X is square, grow by 3/2 a step. 24
	// of the steps are for those 10⁴ times smaller, 6 for the end.
	x = gx.Div(x, gx.Sqrt(gx.ReduceAndKeep(gx.Square(x), gx.ReduceSum, 1, 2)))
	steps := 30 + int(math.Ceil(1.5*math.Log(float64(rows))/math.Log(1.5)))
	for range steps {
		square := gx.DotGeneral(x, []int{1}, []int{0}, x, []int{1}, []int{0})
		x = gx.MulScalar(gx.Sub(gx.MulScalar(x, 3.0), gx.DotGeneral(x, []int{2}, []int{0}, square, []int{1}, []int{0})), 0.5)
	}
	if m < n {
		x = gx.Transpose(x, 1, 2)
	}
	x = gx.MulScalar(x, scale)
	if f == DeltaOrthogonal {
		at := make([]float64, count)
		at[centre] = 1
		mask := gx.ConvertDType(gx.Reshape(gx.Const(g, at), count, 1, 1), shape.DType)
		x = gx.Mul(gx.BroadcastToDims(mask, count, m, n), gx.BroadcastToDims(x, count, m, n))
	}
	return gx.Reshape(x, shape.Dimensions...)
}
