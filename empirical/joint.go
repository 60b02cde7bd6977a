package empirical

import (
	"fmt"

	"github.com/gomlx/gomlx/backends"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// The gradient of a joint function is that of a network with one example, the
// whole batch [1, N, …], and N·O outputs. A block are the rows (n, o) of some
// examples n; each takes in how the weights act on all N.

const basisName = "basis"

// jointGradient returns the gradient of f as a function of a batch of n.
func (f *Network) jointGradient(n int) (*gradient, error) {
	if g := f.joint[n]; g != nil {
		return g, nil
	}
	model := func(ctx *mlctx.Context, x []*gx.Node) []*gx.Node {
		whole := make([]*gx.Node, len(x))
		for i, v := range x {
			whole[i] = gx.Reshape(v, v.Shape().Dimensions[1:]...)
		}
		y := f.model(ctx, whole)[0]
		mustKeepBatch(y, n)
		return []*gx.Node{gx.Reshape(y, 1, y.Shape().Size())}
	}
	g, err := traceGradient(f.ctx, model, batched(f.inputs, n))
	if err != nil {
		return nil, err
	}
	f.joint[n] = g
	return g, nil
}

// mustKeepBatch panics with an error if the output for a batch of n is no batch of n.
func mustKeepBatch(y *gx.Node, n int) {
	if y.Rank() == 0 || y.Shape().Dimensions[0] != n {
		panic(fmt.Errorf("the output is %s for a batch of %d; the model must keep the batch axis", y.Shape(), n))
	}
}

// basisShape returns the shape of the cotangents of n examples' rows.
func (s *selection) basisShape(u *graph.Value, n int) shapes.Shape {
	return shapes.Make(u.Shape.DType, n*s.rows, 1, s.gradient.outputs)
}

// uploadBasis uploads the cotangents of the rows of size examples from from on,
// filled up with the last one.
func (f *Network) uploadBasis(s *selection, from, size int) (backends.Buffer, error) {
	shape := s.basisShape(s.gradient.program.Params[s.gradient.u], size)
	all := s.gradient.outputs
	outputs := all / s.batch // of one example
	z := make([]float64, shape.Size())
	for r := range size {
		n := min(from+r, s.examples()-1)
		if s.only != nil {
			n = s.only[n]
		}
		for k := range s.rows {
			copy(z[(r*s.rows+k)*all+n*outputs:], s.basis[k*outputs:][:outputs])
		}
	}
	return graph.UploadFloats(f.backend, shape.DType, z, shape.Dimensions...)
}

// examples returns how many examples of a joint batch have rows.
func (s *selection) examples() int {
	if s.only != nil {
		return len(s.only)
	}
	return s.batch
}
