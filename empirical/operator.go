package empirical

import (
	"context"
	"fmt"
	"time"

	"github.com/gontk/ntk/internal/machine"
)

// OperatorOptions configures Operator. Its fields mean what those of [Options]
// mean, except where they say otherwise.
type OperatorOptions struct {
	// Outputs is the reduction over outputs; zero is Mean. Full, index (n, o),
	// and Pseudo take one pass over the data; Mean, Trace and Diagonal, index
	// (n, o) again, take one for each output, as many at a time as memory allows.
	Outputs Outputs
	Of      []int
	Heads   []string
	Params  []string

	// Joint takes all examples for one batch of which f is a function. There
	// are no minibatches then.
	Joint bool

	// Block is how many examples are in a minibatch; 0 means as many as the
	// memory budget allows.
	Block int

	// Memory is the budget in bytes for activations and vectors.
	Memory int64

	// Progress is called after each minibatch of each pass.
	Progress func(Progress)
}

func (o OperatorOptions) options() Options {
	return Options{Outputs: o.Outputs, Of: o.Of, Heads: o.Heads, Params: o.Params, Memory: o.Memory, Progress: o.Progress}
}

// An Operator is Θ(x, x) as a symmetric positive semidefinite operator that
// nobody holds as a matrix:
//
//	Θv = J η (Jᵀv),  J = ∂f(x)/∂θ,
//
// by reverse mode for u = Jᵀv, summed over minibatches, and forward mode for
// J(ηu). A product costs about five evaluations of f on all examples, and
// memory for three copies of the parameters beside one minibatch.
//
// It computes with the weights that its Network has at the time, in the
// Network's dtype: in float64 a product agrees with that by the Gram matrix to
// 1e-10 of its largest entry, in float32 to 1e-5. It may be used by one
// goroutine at a time, as its Network may.
type Operator struct {
	f      *Network
	x      Batch
	opts   OperatorOptions
	sel    *selection
	budget machine.Budget

	batches map[int]minibatch   // by the number of lanes
	execs   map[string]compiled // by kind, minibatch and lanes
	data    *residents
	start   time.Time
	done    int // minibatches
}

// Operator returns Θ(x, x) as an operator. It looks at shapes, interactions and
// memory; programs are compiled by the first product.
//
// It returns [ErrShape] for examples that do not fit the model, an error that
// wraps [ErrInteract] as NTK does, one naming an op of the model that has no
// derivative in forward or in reverse mode, and one that wraps
// [machine.ErrBudget] if the budget does not hold one example.
func (f *Network) Operator(ctx context.Context, x Batch, opts OperatorOptions) (*Operator, error) {
	if err := f.checkBatch("x", x); err != nil {
		return nil, err
	}
	sel, err := f.selection(opts.options(), x.Len())
	if err != nil {
		return nil, err
	}
	if !opts.Joint {
		if err := f.independent(ctx); err != nil {
			return nil, err
		}
	}
	a := &Operator{
		f: f, x: x, opts: opts, sel: sel, budget: opts.options().budget(),
		batches: map[int]minibatch{}, execs: map[string]compiled{},
	}
	n, need, err := a.batch(1)
	if err != nil {
		return nil, err
	}
	if need > a.budget.Bytes {
		what := fmt.Sprintf("products of J with vectors, %d examples at a time (%d parameters)", n, a.Parameters())
		return nil, a.budget.Exceeded(what, need, "choose fewer weights or a smaller block")
	}
	return a, nil
}

// Dim returns how long the vectors are: N·O for Full and Diagonal, else N.
func (a *Operator) Dim() int { return a.x.Len() * a.perExample() }

// perExample returns how many entries of a vector belong to one example.
func (a *Operator) perExample() int {
	if a.opts.Outputs == Mean || a.opts.Outputs == Trace {
		return 1
	}
	return a.sel.rows
}

// MulVec sets dst to Θv, both of length Dim.
//
// It returns [ErrNotFinite] if an entry is NaN or infinite, and the cause of
// ctx within one minibatch's time after ctx ends.
func (a *Operator) MulVec(ctx context.Context, dst, v []float64) error {
	return a.MulMat(ctx, dst, v, 1)
}

// MulMat sets dst [k, Dim] to Θv for each of the k vectors of v [k, Dim]. The
// activations are computed once for as many vectors as memory allows.
func (a *Operator) MulMat(ctx context.Context, dst, v []float64, k int) error {
	n := a.Dim()
	if k < 1 || len(v) != k*n || len(dst) != k*n {
		return fmt.Errorf("empirical: %w: a product of %d vectors of %d entries gets %d, and room for %d", ErrShape, k, n, len(v), len(dst))
	}
	clear(dst)
	var lanes []lane
	for i := range k {
		lanes = append(lanes, a.lanes(dst[i*n:][:n], v[i*n:][:n])...)
	}
	return a.inChunks(lanes, 2, func(c *chunk) error {
		u, err := c.pull(ctx)
		if err != nil {
			return err
		}
		return c.push(ctx, u, true)
	})
}

// lanes returns what adds up to Θv: outputs that do not mix go one by one.
func (a *Operator) lanes(dst, v []float64) []lane {
	l := lane{v: v, dst: dst, to: a.sel.rows, scale: 1, shared: a.perExample() < a.sel.rows}
	if a.opts.Outputs == Full {
		return []lane{l}
	}
	if a.opts.Outputs == Mean {
		l.scale = 1 / float64(a.sel.rows)
	}
	var lanes []lane
	for r := range a.sel.rows { // of Pseudo there is one
		l.from, l.to = r, r+1
		lanes = append(lanes, l)
	}
	return lanes
}

// A lane is one way through J η Jᵀ: of a vector, by some rows of the basis of
// outputs.
type lane struct {
	v, dst   []float64
	from, to int // rows
	scale    float64
	// shared says that v and dst have one entry for all rows of an example.
	shared bool
}

// at returns where the entry of an example and a row is.
func (l lane) at(n, row, rows int) int {
	if l.shared {
		return n
	}
	return n*rows + row
}

// Close frees what the operator holds on the device, not its Network.
func (a *Operator) Close() error {
	for _, e := range a.execs {
		e.exec.Finalize()
	}
	clear(a.execs)
	return a.dropData()
}
