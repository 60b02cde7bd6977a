package graph

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

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

// Draw returns a tensor distributed as d. It depends on seed, name and the
// entry's position alone, not on how many goroutines share the work: as many as
// Go may run at a time. Entries of orthogonal families come from a
// factorization, whose last bits machines may round differently.
func Draw(d Distribution, seed uint64, name string, shape shapes.Shape) (*tensors.Tensor, error) {
	if d.Tau != 0 {
		if err := d.Family.fits(shape.Dimensions); err != nil {
			return nil, fmt.Errorf("graph: %s: %w", name, err)
		}
	}
	if shape.DType != dtypes.Float32 && shape.DType != dtypes.Float64 {
		return nil, fmt.Errorf("graph: %s: weights of dtype %s; use float32 or float64", name, shape.DType)
	}
	t := tensors.FromShape(shape)
	err := t.MutableFlatData(func(flat any) {
		switch dst := flat.(type) {
		case []float32:
			drawInto(dst, d, newStream(seed, name), shape.Dimensions)
		case []float64:
			drawInto(dst, d, newStream(seed, name), shape.Dimensions)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("graph: drawing %s: %w", name, err)
	}
	return t, nil
}

func drawInto[T float32 | float64](dst []T, d Distribution, s stream, dims []int) {
	if d.Tau == 0 || d.Family.Independent() {
		fill(dst, d, s)
		return
	}
	for i, x := range s.orthogonal(d.Family, dims) {
		dst[i] = T(d.Mean + float64(d.Tau*x)) // rounded twice, as in fillShare
	}
}

// share is how many entries a goroutine draws before it takes the next ones, an
// even number because a counter gives two: 1 ms of work, against some µs for
// starting a goroutine.
const share = 1 << 15

// fill draws dst, each entry from its own counter.
func fill[T float32 | float64](dst []T, d Distribution, s stream) {
	shares := (len(dst) + share - 1) / share
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < shares; i = int(next.Add(1)) - 1 {
			from := i * share
			fillShare(dst[from:min(from+share, len(dst))], d, s, uint64(from/2))
		}
	}
	var wg sync.WaitGroup
	for range min(shares, runtime.GOMAXPROCS(0)) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// fillShare draws dst from the counters from c on.
func fillShare[T float32 | float64](dst []T, d Distribution, s stream, c uint64) {
	var z [512]float64 // even
	for len(dst) > 0 {
		k := min(len(dst), len(z))
		switch {
		case d.Tau == 0: // z stays zero
		case d.Family == Uniform:
			s.uniform(z[:k], c)
		default:
			s.normals(z[:k], c)
		}
		for i, x := range z[:k] {
			// The conversion keeps x·y + z from being rounded once, as some machines can.
			dst[i] = T(d.Mean + float64(d.Tau*x))
		}
		dst = dst[k:]
		c += uint64(k / 2)
	}
}
