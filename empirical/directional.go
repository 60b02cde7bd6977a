package empirical

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
)

// Parameters returns P, the number of parameters of the chosen weights.
func (a *Operator) Parameters() int {
	p := 0
	for _, w := range a.sel.weights {
		p += w.size()
	}
	return p
}

// Weights returns the names of the chosen weights in the order in which vectors
// of P parameters have them, each row-major.
func (a *Operator) Weights() []string {
	var list []string
	for _, w := range a.sel.weights {
		list = append(list, w.name)
	}
	return list
}

// rows returns how many rows J has: N·O of the chosen outputs, N for Pseudo.
func (a *Operator) rows() int { return a.x.Len() * a.sel.rows }

// JVP sets dst [N, O] to Ju for u [P], parameters in the order of Weights:
//
//	(Ju)[n, o] = Σ_i ∂f_o(x_n)/∂θ_i u_i.
//
// O counts the chosen outputs, and 1 for Pseudo. Learning rates are no part of
// J. It fails as MulVec does.
func (a *Operator) JVP(ctx context.Context, dst, u []float64) error {
	if err := a.checkDirection(u, dst); err != nil {
		return err
	}
	clear(dst)
	return a.inChunks([]lane{{dst: dst, to: a.sel.rows, scale: 1}}, 1, func(c *chunk) error {
		buffers, err := a.uploadDirection(u)
		if err != nil {
			return err
		}
		return c.push(ctx, buffers, false)
	})
}

// VJP sets dst [P] to Jᵀv for v [N, O], as JVP has them:
//
//	(Jᵀv)[i] = Σ_no ∂f_o(x_n)/∂θ_i v[n, o].
func (a *Operator) VJP(ctx context.Context, dst, v []float64) error {
	if err := a.checkDirection(dst, v); err != nil {
		return err
	}
	return a.inChunks([]lane{{v: v, to: a.sel.rows}}, 1, func(c *chunk) (err error) {
		sums, err := c.pull(ctx)
		if err != nil {
			return err
		}
		at := 0
		for i, b := range sums {
			s, err := a.f.host(b)
			if err != nil {
				_ = a.f.freeAll(sums[i:])
				return fmt.Errorf("empirical: reading Jᵀv: %w", err)
			}
			at += copy(dst[at:], s.floats(a.sel.weights[i].size()))
			if err := a.f.free(&block{f: s}); err != nil {
				return err
			}
		}
		for i, x := range dst {
			if x-x != 0 {
				return fmt.Errorf("empirical: entry %d of Jᵀv is %g, %w: the gradient overflows, or the vector does", i, x, ErrNotFinite)
			}
		}
		return nil
	})
}

func (a *Operator) checkDirection(u, v []float64) error {
	if len(u) != a.Parameters() || len(v) != a.rows() {
		return fmt.Errorf("empirical: %w: J is %d × %d, the vectors have %d and %d entries", ErrShape, a.rows(), a.Parameters(), len(v), len(u))
	}
	return nil
}

// uploadDirection uploads u as tangents of one lane.
func (a *Operator) uploadDirection(u []float64) (buffers []backends.Buffer, err error) {
	for _, w := range a.sel.weights {
		b, err := graph.UploadFloats(a.f.backend, a.f.dtype, u[:w.size()], append([]int{1}, w.variable.Shape().Dimensions...)...)
		if err != nil {
			_ = a.f.freeAll(buffers)
			return nil, fmt.Errorf("empirical: uploading a direction: %w", err)
		}
		buffers, u = append(buffers, b), u[w.size():]
	}
	return buffers, nil
}
