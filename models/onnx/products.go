package onnx

import (
	"slices"
	"strings"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
)

// matMul follows numpy.matmul: the last two axes are matrices, those before are
// broadcast, and an operand of one axis is a vector.
func matMul(c *call) []*value {
	a, b := c.x(0), c.x(1)
	if a.IsScalar() || b.IsScalar() {
		c.fail("operands of shapes %v and %v; want at least one axis", a.Shape().Dimensions, b.Shape().Dimensions)
	}
	rowB := max(b.Rank()-2, 0) // the axis of b that is contracted
	if k, l := a.Shape().Dim(-1), b.Shape().Dimensions[rowB]; k != l {
		c.fail("shapes %v and %v do not fit: %d columns, %d rows", a.Shape().Dimensions, b.Shape().Dimensions, k, l)
	}
	if b.Rank() <= 2 { // one matrix for all
		return result(gx.DotGeneral(a, []int{a.Rank() - 1}, nil, b, []int{rowB}, nil))
	}
	batchA := a.Shape().Dimensions[:max(a.Rank()-2, 0)]
	batchB := b.Shape().Dimensions[:b.Rank()-2]
	batch, err := broadcastDims(batchA, batchB)
	if err != nil {
		panic(err)
	}
	vector := a.Rank() == 1
	if vector {
		a = gx.InsertAxes(a, 0)
	}
	a = c.spread(a, append(slices.Clone(batch), a.Shape().Dimensions[a.Rank()-2:]...))
	b = c.spread(b, append(slices.Clone(batch), b.Shape().Dimensions[b.Rank()-2:]...))
	axes := make([]int, len(batch))
	for i := range axes {
		axes[i] = i
	}
	y := gx.DotGeneral(a, []int{a.Rank() - 1}, axes, b, []int{b.Rank() - 2}, axes)
	if vector {
		y = gx.Squeeze(y, len(batch))
	}
	return result(y)
}

// gemm is α·op(A)·op(B) + β·C, op the identity or the transpose.
func gemm(c *call) []*value {
	a, b := c.x(0), c.x(1)
	if a.Rank() != 2 || b.Rank() != 2 {
		c.fail("operands of shapes %v and %v; want two matrices", a.Shape().Dimensions, b.Shape().Dimensions)
	}
	axisA, axisB := 1, 0
	if c.integer("transA", 0) != 0 {
		axisA = 0
	}
	if c.integer("transB", 0) != 0 {
		axisB = 1
	}
	if k, l := a.Shape().Dim(axisA), b.Shape().Dim(axisB); k != l {
		c.fail("shapes %v and %v do not fit: axes of %d and %d are contracted", a.Shape().Dimensions, b.Shape().Dimensions, k, l)
	}
	y := gx.DotGeneral(a, []int{axisA}, nil, b, []int{axisB}, nil)
	if alpha := c.float("alpha", 1); alpha != 1 {
		y = gx.MulScalar(y, alpha)
	}
	if !c.has(2) {
		return result(y)
	}
	bias := c.x(2)
	if beta := c.float("beta", 1); beta != 1 {
		bias = gx.MulScalar(bias, beta)
	}
	c.spread(bias, y.Shape().Dimensions) // one way only
	return result(gx.Add(c.aligned(&value{node: y}, &value{node: bias})))
}

// einsum takes equations of two operands, without an ellipsis.
func einsum(c *call) []*value {
	a, b := c.x(0), c.x(1)
	eq := strings.ReplaceAll(c.text("equation", ""), " ", "")
	in, out, explicit := strings.Cut(eq, "->")
	left, right, two := strings.Cut(in, ",")
	if !explicit || !two || strings.ContainsAny(right, ",") || strings.Contains(eq, ".") {
		c.fail("equation %q; want two operands and \"->\", without \"...\"", eq)
	}
	sizes := map[rune]int{}
	for _, o := range []struct {
		letters string
		x       *gx.Node
	}{{left, a}, {right, b}} {
		if len(o.letters) != o.x.Rank() {
			c.fail("equation %q has %d axes for an operand of shape %v", eq, len(o.letters), o.x.Shape().Dimensions)
		}
		seen := map[rune]bool{}
		for i, l := range o.letters {
			n := o.x.Shape().Dim(i)
			if m, known := sizes[l]; known && m != n {
				c.fail("equation %q: axis %c has sizes %d and %d", eq, l, m, n)
			}
			if seen[l] {
				c.fail("equation %q: axis %c twice in one operand is not supported", eq, l)
			}
			sizes[l], seen[l] = n, true
		}
	}
	seen := map[rune]bool{}
	for _, l := range out {
		if _, known := sizes[l]; !known || seen[l] {
			c.fail("equation %q: axis %c of the result", eq, l)
		}
		seen[l] = true
	}
	return result(gx.Einsum(eq, a, b))
}
