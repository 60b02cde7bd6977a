package limits

import (
	"context"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/dual"
	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/tiles"
)

// Grams are the kernels of a limit on examples: of one output, all outputs
// being independent and alike; otherwise their mean over outputs.
type Grams struct {
	// N1 and N2 count examples of x1 and of x2.
	N1, N2 int
	// NNGP is K(x1, x2) = E[f(x1)f(x2)], NTK is Θ(x1, x2), row-major [N1, N2]; nil
	// if GramOptions.Writer keeps them.
	NNGP, NTK []float64
	// DualError bounds the absolute error of every expectation E[φψ] and E[φ'ψ']
	// whose Hermite series did not reach a relative 1e-12; 0 if all did. Errors
	// grow by the weights' gains from layer to layer. Tiles that an earlier run
	// left do not count.
	DualError float64
	// Engine says how pairs were computed, for people.
	Engine string
}

// A Kernel is one of the two of a limit.
type Kernel string

// K, the covariance of outputs at initialization, and Θ.
const (
	NNGP Kernel = "nngp"
	NTK  Kernel = "ntk"
)

// GramOptions configures Gram.
type GramOptions struct {
	// Threads is how many rows of a tile are computed at once, if Memory allows; 0
	// means as many as the process may use.
	Threads int
	// Memory is the budget in bytes; 0 means half of what the machine or its
	// cgroup allows.
	Memory int64
	// Block is the size of a tile in examples; 0 means one of some seconds.
	Block int
	// Only says which kernel is wanted, "" both: the other is nil, and no store of it
	// is made.
	Only Kernel
	// DType is the arithmetic: Float64, the default, or Float32 where the limit has a
	// compiled form (Limit.Explain says), to some 1e-6 of the largest entry.
	DType dtypes.DType
	// BLAS multiplies inputs for compiled forms; nil means the best one installed.
	BLAS *native.BLAS
	// Writer makes the store of a kernel, in DType; nil keeps both in memory.
	// What two stores have already, both of them, is not computed again.
	Writer func(Kernel, tiles.Spec) (tiles.Writer, error)
	// Progress, if not nil, hears how many pairs of examples are done of how many,
	// from one goroutine at a time.
	Progress func(done, total int)
}

func (o GramOptions) threads() int {
	if o.Threads > 0 {
		return o.Threads
	}
	n, _ := machine.Threads()
	return n
}

func (o GramOptions) blas() (*native.BLAS, error) {
	if o.BLAS != nil {
		return o.BLAS, nil
	}
	return native.DefaultBLAS("", func(string) {})
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
// the budget does not hold one pair, and the cause of ctx when ctx ends; finished
// tiles then stay in the stores of opts.Writer. It takes O(pairs of positions)
// per pair of examples.
func (l *Limit) Gram(ctx context.Context, x1, x2 empirical.Batch, opts GramOptions) (*Grams, error) {
	if err := l.checkBatch("x1", x1); err != nil {
		return nil, err
	}
	n1, n2, examples := x1.Len(), x1.Len(), x1.Len()
	if x2 != nil {
		if err := l.checkBatch("x2", x2); err != nil {
			return nil, err
		}
		n2 = x2.Len()
		examples += n2
	}
	stored := n1 * n2 // in memory, of both kernels
	switch {
	case opts.Writer != nil:
		stored = 0
	case opts.Only != "":
		stored /= 2
	}
	threads, err := l.threads(opts.threads(), opts.budget(), examples, stored)
	if err != nil {
		return nil, err
	}
	g := &Grams{N1: n1, N2: n2}
	r := &gramRun{l: l, opts: opts, grams: g, threads: threads, symmetric: x2 == nil}
	if err := r.open(); err != nil {
		return nil, err
	}
	expanded := &expansions{made: map[expansionKey]*dual.Activation{}}
	err = func() (err error) {
		chosen := r.choose(r.spec().Block1)
		var only *graph.Value
		if x, ok := chosen.(plain); ok {
			only = x.numbers()
		}
		if r.left, err = l.examples(ctx, x1, only, threads, expanded); err != nil {
			return err
		}
		if r.right = r.left; x2 != nil {
			if r.right, err = l.examples(ctx, x2, only, threads, expanded); err != nil {
				return err
			}
		}
		if err := r.start(chosen); err != nil {
			return err
		}
		return r.all(ctx)
	}()
	if cerr := r.close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}
