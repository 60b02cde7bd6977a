package limits

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/dual"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/machine"
)

// Grams are the kernels of a limit on examples: of one output, all outputs
// being independent and alike; otherwise their mean over outputs.
type Grams struct {
	// N1 and N2 count examples of x1 and of x2.
	N1, N2 int
	// NNGP is K(x1, x2) = E[f(x1)f(x2)], NTK is Θ(x1, x2), row-major [N1, N2].
	NNGP, NTK []float64
	// DualError bounds the absolute error of every expectation E[φψ] and E[φ'ψ']
	// whose Hermite series did not reach a relative 1e-12; 0 if all did. Errors
	// grow by the weights' gains from layer to layer.
	DualError float64
}

// GramOptions configures Gram.
type GramOptions struct {
	// Threads is how many pairs are computed at once, if Memory allows; 0 means
	// as many as the process may use.
	Threads int
	// Memory is the budget in bytes; 0 means half of what the machine or its
	// cgroup allows.
	Memory int64
	// Progress, if not nil, is called after every row, by one goroutine at a time.
	Progress func(done, total int)
}

func (o GramOptions) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	n, _ := machine.Threads()
	return n
}

func (o GramOptions) budget() machine.Budget {
	if o.Memory > 0 {
		return machine.Budget{Bytes: o.Memory, Source: "--memory"}
	}
	return machine.DefaultBudget()
}

// Gram returns K and Θ of the limit on all pairs of examples of x1 and x2. A nil
// x2 means x1: then every pair is computed once and both are exactly symmetric,
// and in training mode an example meets itself with the same masks.
//
// It returns [empirical.ErrShape] for examples that do not fit the model,
// [empirical.ErrNotFinite] if an entry is NaN or infinite, [machine.ErrBudget] if
// the budget does not hold one pair, and the cause of ctx when ctx ends. It takes
// O(pairs of positions) per pair of examples.
func (l *Limit) Gram(ctx context.Context, x1, x2 empirical.Batch, opts GramOptions) (*Grams, error) {
	if err := l.checkBatch("x1", x1); err != nil {
		return nil, err
	}
	if x2 != nil {
		if err := l.checkBatch("x2", x2); err != nil {
			return nil, err
		}
	}
	n1, n2 := x1.Len(), x1.Len()
	if x2 != nil {
		n2 = x2.Len()
	}
	threads, err := l.threads(opts.threads(), opts.budget(), n1+n2, n1*n2)
	if err != nil {
		return nil, err
	}
	expanded := &expansions{made: map[expansionKey]*dual.Activation{}}
	left, err := l.examples(ctx, x1, threads, expanded)
	if err != nil {
		return nil, err
	}
	right := left
	if x2 != nil {
		if right, err = l.examples(ctx, x2, threads, expanded); err != nil {
			return nil, err
		}
	}
	g := &Grams{N1: len(left), N2: len(right), NNGP: make([]float64, len(left)*len(right)), NTK: make([]float64, len(left)*len(right))}
	for _, x := range append(slices.Clone(left), right...) {
		g.DualError = max(g.DualError, x.dualError)
	}
	var mu sync.Mutex
	done := 0
	err = parallel(ctx, len(left), threads, func(i int) error {
		nodes := len(l.plan.list)
		e := &evaluation{m: make([][]float64, nodes), t: make([][]float64, nodes), d: make([][]float64, nodes)}
		from := 0
		if x2 == nil {
			from = i
		}
		for j := from; j < len(right); j++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			e.left, e.right, e.same = left[i], right[j], x2 == nil && i == j
			k, theta, err := l.pair(e)
			if err != nil {
				return fmt.Errorf("limits: examples %d of x1 and %d of x2: %w", i, j, err)
			}
			at := i*len(right) + j
			g.NNGP[at], g.NTK[at] = k, theta
			if x2 == nil {
				g.NNGP[j*len(right)+i], g.NTK[j*len(right)+i] = k, theta
			}
		}
		mu.Lock()
		defer mu.Unlock()
		g.DualError = max(g.DualError, e.dualError)
		if opts.Progress != nil {
			done++
			opts.Progress(done, len(left))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// pair evaluates the roots for one pair of examples.
func (l *Limit) pair(e *evaluation) (k, theta float64, err error) {
	e.compute(l.plan)
	if e.err != nil {
		return 0, 0, e.err
	}
	for _, r := range l.plan.roots {
		i := r.node.at(0, 0)
		k += r.weight * e.m[r.node.id][i]
		theta += r.weight * e.t[r.node.id][i]
	}
	for _, r := range l.plan.roots {
		e.release(e.m[r.node.id])
		e.release(e.t[r.node.id])
	}
	if x := k + theta; x-x != 0 {
		return 0, 0, fmt.Errorf("%w: K is %g, Θ is %g", empirical.ErrNotFinite, k, theta)
	}
	return k, theta, nil
}

// examples evaluates what each example needs by itself.
func (l *Limit) examples(ctx context.Context, x empirical.Batch, threads int, expanded *expansions) ([]*example, error) {
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
		list[n], err = newExample(l.plan.builder, given, expanded)
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
