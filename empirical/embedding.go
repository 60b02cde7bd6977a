package empirical

import (
	"math"
	"slices"
	"unsafe"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
)

// A use of w in Gather(w, indices), an embedding, is a product too, of one-hot
// vectors a_t = e[index_t]. They are held as indices: a [n, 1, T, 1], and
// a_t·a'_s = 1 where the indices are equal, else 0.

// largestTable is how many rows a table may have for float32 to hold their indices.
const largestTable = 1 << 24

// isEmbedding reports whether e looks up whole rows of its first operand.
func isEmbedding(e *graph.Eqn) bool {
	a, ok := e.Attrs.(graph.GatherAttrs)
	if !ok {
		return false
	}
	w, idx, out := e.In[0].Shape, e.In[1].Shape, e.Out[0].Shape
	r := w.Rank()
	return r >= 2 && w.Dimensions[0] <= largestTable &&
		slices.Equal(a.CollapsedSliceAxes, []int{0}) && slices.Equal(a.StartIndexMap, []int{0}) &&
		a.SliceSizes[0] == 1 && slices.Equal(a.SliceSizes[1:], w.Dimensions[1:]) &&
		a.IndexVectorAxis == idx.Rank()-1 && idx.Dimensions[idx.Rank()-1] == 1 &&
		slices.Equal(a.OffsetOutputAxes, trailingAxes(out, r-1))
}

// trailingAxes returns the last n axes of s.
func trailingAxes(s shapes.Shape, n int) []int { return span(s.Rank()-n, s.Rank()) }

// embeddingDims returns the sizes of an embedding's product.
func embeddingDims(e *graph.Eqn) dims {
	w := e.In[0].Shape
	d := dims{B: 1, J: w.Dimensions[0]}
	d.I = w.Size() / d.J
	d.T = e.Out[0].Shape.Size() / d.I
	return d
}

// embeddingIndices returns the indices as numbers, [n, 1, T, 1].
func (m mapped) embeddingIndices(u use, a graph.Op) graph.Op {
	s := u.dims()
	dt := u.consumer.Out[0].Shape.DType
	x := m.Do(backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dt}, a)
	x = m.Reshape(x, m.n, 1, s.T, 1)
	// GoMLX's gradient of an index outside the table is 0: it equals no other.
	scalar := func(v float64) graph.Op { return m.BroadcastInDim(m.Scalar(dt, v), m.Dims(x), nil) }
	below := m.Do(backends.OpTypeLessThan, nil, x, scalar(0))
	above := m.Do(backends.OpTypeGreaterOrEqual, nil, x, scalar(float64(s.J)))
	outside := m.Do(backends.OpTypeLogicalOr, nil, below, above)
	return m.Do(backends.OpTypeWhere, nil, outside, scalar(math.NaN()), x)
}

// oneHot returns the vectors that indices [n, 1, T, 1] stand for, [n, 1, T, J].
func (m mapped) oneHot(x graph.Op, s dims) graph.Op {
	dt := m.DType(x)
	rows := m.Do(backends.OpTypeIota, graph.IotaAttrs{Shape: shapes.Make(dtypes.Int32, 1, 1, 1, s.J), Axis: 3})
	rows = m.Do(backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dt}, rows)
	full := []int{m.n, 1, s.T, s.J}
	axes := span(0, 4)
	same := m.Do(backends.OpTypeEqual, nil, m.BroadcastInDim(x, full, axes), m.BroadcastInDim(rows, full, axes))
	return m.Do(backends.OpTypeConvertDType, graph.ConvertDTypeAttrs{DType: dt}, same)
}

// gramOfA writes the Gram matrix of the rows of a, [m, n] or its upper triangle
// if they are the same: of vectors, or of the indices of one-hot ones.
func (c *contraction[F]) gramOfA(w *weight, same bool, m, n int, a, b unsafe.Pointer, dst []F) error {
	if !w.indexed {
		return c.gram(same, m, n, w.dims.J, w.dims.J, a, b, dst)
	}
	x, y := unsafe.Slice((*F)(a), m), unsafe.Slice((*F)(b), n)
	for i, p := range x {
		row := dst[i*n : (i+1)*n]
		for j, q := range y {
			row[j] = 0
			if p == q {
				row[j] = 1
			}
		}
	}
	return nil
}

// width returns how many numbers a row of a takes in memory.
func (w *weight) width() int {
	if w.indexed {
		return 1
	}
	return w.dims.J
}
