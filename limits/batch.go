package limits

import (
	"context"
	"fmt"
	"sync"

	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
)

// examples evaluates what each example needs by itself; only, if not nil, is all of it.
func (l *Limit) examples(ctx context.Context, x empirical.Batch, only *graph.Value, threads int, expanded *expansions) ([]*example, error) {
	flats := make([][]float64, len(x))
	for i, t := range x {
		var err error
		if flats[i], err = floats(t); err != nil {
			return nil, err
		}
	}
	list := make([]*example, x.Len())
	err := parallel(ctx, len(list), threads, func(n int) error {
		given := map[*graph.Value][]float64{}
		for i, v := range l.plan.inputs {
			size := len(flats[i]) / len(list)
			given[v] = flats[i][n*size : (n+1)*size]
		}
		var err error
		list[n], err = newExample(l.plan.builder, given, only, expanded)
		if err != nil {
			return fmt.Errorf("limits: example %d: %w", n, err)
		}
		return nil
	})
	return list, err
}

// parallel calls f for 0 … n−1 in several goroutines and returns the first error.
func parallel(ctx context.Context, n, threads int, f func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(threads, n) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				if err := f(i); err != nil {
					cancel(err)
				}
			}
		}()
	}
feed:
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

func (l *Limit) checkBatch(name string, b empirical.Batch) error {
	if len(b) != len(l.inputs) {
		return fmt.Errorf("limits: %w: %s has %d tensors, the model %d inputs", empirical.ErrShape, name, len(b), len(l.inputs))
	}
	n := b.Len()
	if n == 0 {
		return fmt.Errorf("limits: %w: %s has no examples", empirical.ErrShape, name)
	}
	for i, t := range b {
		want := shapes.Make(t.DType(), append([]int{n}, l.inputs[i].Dimensions...)...)
		if !t.Shape().Equal(want) {
			return fmt.Errorf("limits: %w: input %d of %s is %s, want %s", empirical.ErrShape, i, name, t.Shape(), want)
		}
	}
	return nil
}

// floats copies the numbers of a tensor.
func floats(t *tensors.Tensor) (y []float64, err error) {
	cerr := t.ConstFlatData(func(flat any) { y, err = toFloats(flat) })
	if cerr != nil {
		return nil, fmt.Errorf("limits: reading examples: %w", cerr)
	}
	return y, err
}

func toFloats(flat any) ([]float64, error) {
	switch x := flat.(type) {
	case []float64:
		return append([]float64(nil), x...), nil
	case []float32:
		return widen(x), nil
	case []int32:
		return widen(x), nil
	case []int64:
		return widen(x), nil
	case []uint8:
		return widen(x), nil
	}
	return nil, fmt.Errorf("limits: examples are %T; use float64, float32, int64, int32 or uint8", flat)
}

func widen[T float32 | int32 | int64 | uint8](x []T) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}
