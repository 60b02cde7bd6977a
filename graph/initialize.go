package graph

import (
	"fmt"

	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Initialize draws every variable of ctx that has no value, or, with redraw,
// every trainable one, from seed. The same seed gives the same network on every
// backend: tagged weights come from a counter-based generator, by name; the
// others from their own initializers, run in pure Go on a seeded state.
//
// Variables that are not trainable, such as running means, keep the value they have.
func Initialize(ctx *mlctx.Context, seed uint64, redraw bool) error {
	untagged := false
	for v := range ctx.IterVariables() {
		if v.HasValue() && !(redraw && v.Trainable) {
			continue
		}
		d, ok := Of(ctx, v)
		if !ok {
			if v.HasValue() {
				if err := v.Reset(); err != nil {
					return fmt.Errorf("graph: redrawing %s: %w", v.ScopeAndName(), err)
				}
			}
			untagged = true
			continue
		}
		t, err := Draw(d, seed, v.ScopeAndName(), v.Shape())
		if err != nil {
			return err
		}
		if err := v.SetValue(t); err != nil {
			return fmt.Errorf("graph: setting %s: %w", v.ScopeAndName(), err)
		}
	}
	if !untagged {
		return nil
	}
	if err := ctx.SetRNGStateFromSeed(int64(seed)); err != nil {
		return fmt.Errorf("graph: seeding: %w", err)
	}
	b, err := simplego.New("ops_sequential")
	if err != nil {
		return fmt.Errorf("graph: pure-Go backend for initializers: %w", err)
	}
	defer b.Finalize()
	var ierr error
	err = Catch(func() { ierr = ctx.InitializeVariables(b, nil) })
	if err == nil {
		err = ierr
	}
	if err != nil {
		return fmt.Errorf("graph: initializing variables: %w", err)
	}
	// Values must not depend on a backend that is about to go.
	for v := range ctx.IterVariables() {
		if v.HasValue() {
			if t, err := v.Value(); err == nil {
				if err := t.ToLocal(); err != nil {
					return fmt.Errorf("graph: copying %s: %w", v.ScopeAndName(), err)
				}
			}
		}
	}
	return nil
}

// Draw returns a tensor of independent entries distributed as d. It depends on
// seed, name and the entry's position alone.
func Draw(d Distribution, seed uint64, name string, shape shapes.Shape) (*tensors.Tensor, error) {
	z := make([]float64, shape.Size())
	if d.Tau != 0 {
		s := newStream(seed, name)
		switch d.Family {
		case Normal:
			s.normals(z)
		case Uniform:
			s.uniform(z)
		default:
			return nil, fmt.Errorf("graph: %s: weights of family %q cannot be drawn", name, d.Family)
		}
	}
	for i := range z {
		z[i] = d.Mean + d.Tau*z[i]
	}
	switch shape.DType {
	case dtypes.Float64:
		return tensors.FromFlatDataAndDimensions(z, shape.Dimensions...), nil
	case dtypes.Float32:
		f := make([]float32, len(z))
		for i, x := range z {
			f[i] = float32(x)
		}
		return tensors.FromFlatDataAndDimensions(f, shape.Dimensions...), nil
	}
	return nil, fmt.Errorf("graph: %s: weights of dtype %s; use float32 or float64", name, shape.DType)
}
