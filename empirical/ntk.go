package empirical

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/internal/tiles"
)

// A Gram is a Gram matrix and how it came about.
type Gram struct {
	Outputs Outputs
	// N1, N2 and O count examples of x1, of x2 and outputs.
	N1, N2, O int
	// Heads are the model's outputs that count, From being their places in the
	// output axes of Θ; nil if Options.Of chose single ones.
	Heads []Head
	// Values is Θ row-major, [N1, N2], [N1, N2, O] or [N1, N2, O, O], or of
	// Options.Pairs [N1], [N1, O] or [N1, O, O]; nil if Options.Writer keeps it.
	Values []float64
	// Terms are what Options.ByParameter and Groups ask for; nil if they do not.
	Terms []Term
	// Shares has each weight's part of the trace; nil if x2 is not x1, if tiles
	// were resumed and by Products.
	Shares []Share
	Plan   *Plan
	// Times has what contracting each weight's term took; nil if tiles were
	// resumed, by Products and on a device with memory of its own, where the terms
	// are computed together. What its way needs is formed for all weights together, in
	// Jacobians.
	Times []WeightTime
	// Compile, Jacobians and Contraction are the times spent.
	Compile, Jacobians, Contraction time.Duration
}

// A WeightTime compares the seconds that a Plan predicted for contracting a
// weight's term with those it took.
type WeightTime struct {
	Weight    string  `json:"weight"`
	Predicted float64 `json:"predicted_seconds"`
	Actual    float64 `json:"actual_seconds"`
}

// A Share is a weight's part of Σ_n Σ_o Θ(x_n, x_n)[o, o].
type Share struct {
	Weight string  `json:"weight"`
	Trace  float64 `json:"trace"` // Σ_n Σ_o of the weight's term
	Part   float64 `json:"part"`  // of the whole, between 0 and 1
}

// NTK returns the empirical NTK Gram matrix of f,
//
//	Θ(x1, x2)[n, m, o, p] = Σ_w η_w ∂f_o(x1_n)/∂w · ∂f_p(x2_m)/∂w,
//
// reduced over outputs as opts.Outputs says. A nil x2 means x1: then only tiles
// on and above the diagonal are computed and Θ is exactly symmetric. Θ sums
// over parameters without averaging; η_w is 1 unless [graph.Tag] says otherwise.
// With opts.Pairs, only n = m is computed.
//
// It returns [ErrShape] for examples that do not fit the model, [ErrNotFinite]
// if an output or an entry is NaN or infinite, an error naming the op if the
// examples of a batch interact and opts.Joint is not set, and one naming the numbers if the budget does
// not hold one tile. When ctx ends it returns its cause within one block's
// time; finished tiles stay in opts.Writer's store.
//
// In float64 it agrees with a plain loop of gradients to 1e-10, in float32 to
// 1e-5·max|Θ|.
//
// Source: Novak, Sohl-Dickstein, Schoenholz, "Fast finite width neural tangent
// kernel" (ICML 2022), section 3.
func (f *Network) NTK(ctx context.Context, x1, x2 Batch, opts Options) (*Gram, error) {
	if err := f.checkBatch("x1", x1); err != nil {
		return nil, err
	}
	symmetric := x2 == nil
	if symmetric {
		x2 = x1
	} else if err := f.checkBatch("x2", x2); err != nil {
		return nil, err
	}
	if !opts.Joint {
		if err := f.independent(ctx); err != nil {
			return nil, err
		}
	}
	plan, err := f.plan(x1.Len(), x2.Len(), symmetric, opts)
	if err != nil {
		return nil, err
	}
	blas, err := opts.blas()
	if err != nil {
		return nil, err
	}
	w, memory, err := f.store(plan, symmetric, opts)
	if err != nil {
		return nil, err
	}
	r := &run{
		f: f, opts: opts, x1: x1, x2: x2, symmetric: symmetric, writer: w, start: time.Now(),
		gram: &Gram{Outputs: opts.Outputs, N1: plan.N1, N2: plan.N2, O: plan.O, Heads: plan.Heads, Plan: plan},
		blas: blas, traces: make([]float64, len(plan.sel.weights)), keep: plan.keep,
	}
	r.gram.Terms = slices.Clone(plan.terms)
	if err = r.storeTerms(w.Spec()); err == nil {
		err = r.all(ctx)
	}
	for _, w := range append(r.terms, w) {
		if cerr := w.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return nil, err
	}
	if memory != nil {
		r.gram.Values = memory.Data().([]float64)
	}
	return r.gram, nil
}

// store makes the Gram's store; the second result is set if it is memory of ours.
func (f *Network) store(p *Plan, symmetric bool, opts Options) (tiles.Writer, *tiles.Memory, error) {
	spec := tiles.Spec{
		N1: p.N1, N2: p.N2, Tail: opts.Outputs.tail(p.O),
		DType: tiles.Float64, Symmetric: symmetric, Block1: p.Block, Block2: p.Block,
	}
	if p.Pairs {
		n1, n2, tail := opts.Outputs.pairShape(p.N1, p.O)
		spec = tiles.Spec{N1: n1, N2: n2, Tail: tail, DType: tiles.Float64, Block1: p.Block}
	}
	if opts.Writer != nil {
		if f.dtype == dtypes.Float32 {
			spec.DType = tiles.Float32
		}
		w, err := opts.Writer(spec)
		return w, nil, err
	}
	m, err := tiles.NewMemory(spec)
	return m, m, err
}

// A run computes the tiles of one Gram matrix.
type run struct {
	f           *Network
	opts        Options
	x1, x2      Batch
	symmetric   bool
	writer      tiles.Writer
	terms       []tiles.Writer // of the terms, if there are any
	blas        *native.BLAS
	contraction contractor
	gram        *Gram
	exec1       *blockExec // of x1
	exec2       *blockExec // of x2
	traces      []float64
	start       time.Time
	keep        int // how many blocks of x2 stay in memory
	kept        map[int]*block
}

// all goes through the tiles row by row. The row's block stays, and as many
// column blocks as the plan keeps: the first ones, since a scan repeats.
func (r *run) all(ctx context.Context) (err error) {
	spec := r.writer.Spec()
	t0 := time.Now()
	plan, f := r.gram.Plan, r.f
	if plan.products != nil {
		return r.byProducts(ctx)
	}
	size := spec.Block1
	if !r.opts.Pairs {
		// Tiles are wider than high where x1 has fewer examples than a block; one
		// size of blocks serves both.
		size = max(size, spec.Block2)
	}
	if r.exec1, err = f.jacobians(size, plan.sel, plan.ways); err != nil {
		return err
	}
	if r.exec2, err = f.jacobians(size, plan.sel2, plan.ways); err != nil {
		return err
	}
	if r.contraction, err = newContractor(f, r.blas, size, plan); err != nil {
		return err
	}
	defer r.contraction.done()
	r.gram.Compile = time.Since(t0)
	if r.opts.Pairs {
		return r.pairs(ctx)
	}
	r.kept = map[int]*block{}
	defer func() {
		for _, b := range r.kept {
			if ferr := r.f.free(b); err == nil {
				err = ferr
			}
		}
	}()
	todo := spec.Tiles()
	resumed := false
	done := 0
	for i := 0; i < len(todo); {
		j := i
		for j < len(todo) && todo[j].Row == todo[i].Row {
			j++
		}
		var pending []tiles.Tile
		for _, t := range todo[i:j] {
			if r.done(t) {
				resumed = true
				done++
				continue
			}
			pending = append(pending, t)
		}
		if len(pending) > 0 {
			if err := r.row(ctx, pending, &done, len(todo)); err != nil {
				return err
			}
		}
		i = j
	}
	r.finish(resumed)
	return nil
}

// finish fills in what is known of all tiles if none was resumed.
func (r *run) finish(resumed bool) {
	if resumed {
		return
	}
	if r.symmetric {
		r.shares()
	}
	for i, d := range r.contraction.times() {
		w := r.gram.Plan.Weights[i]
		r.gram.Times = append(r.gram.Times, WeightTime{Weight: w.Name, Predicted: w.Contraction, Actual: d.Seconds()})
	}
}

// row computes the tiles of one row of the grid.
func (r *run) row(ctx context.Context, row []tiles.Tile, done *int, total int) (err error) {
	at := row[0].Row
	b1 := r.kept[at]
	if !r.symmetric || b1 == nil {
		if b1, err = r.compute(ctx, r.exec1, r.x1, at); err != nil {
			return err
		}
		if r.symmetric && len(r.kept) < r.keep {
			r.kept[at] = b1
		}
	}
	defer func() {
		if r.symmetric { // no later row needs this column
			delete(r.kept, at)
		}
		if ferr := r.f.free(b1); err == nil {
			err = ferr
		}
	}()
	for _, t := range row {
		if err := canceled(ctx); err != nil {
			return err
		}
		b2, free := b1, false
		if !r.symmetric || t.Col != t.Row {
			if b2 = r.kept[t.Col]; b2 == nil {
				if b2, err = r.compute(ctx, r.exec2, r.x2, t.Col); err != nil {
					return err
				}
				if len(r.kept) < r.keep {
					r.kept[t.Col] = b2
				} else {
					free = true
				}
			}
		}
		if err := r.tile(t, b1, b2); err != nil {
			return err
		}
		if free {
			if err := r.f.free(b2); err != nil {
				return err
			}
		}
		*done++
		r.opts.report("NTK", *done, total, r.start)
	}
	return nil
}

func (r *run) compute(ctx context.Context, e *blockExec, x Batch, from int) (*block, error) {
	t0 := time.Now()
	b, err := r.f.block(ctx, e, x, from)
	r.gram.Jacobians += time.Since(t0)
	return b, err
}

func (r *run) tile(t tiles.Tile, b1, b2 *block) error {
	t0 := time.Now()
	data, traces, err := r.contraction.tile(b1, b2, r.writeTerm(t))
	if err != nil {
		return fmt.Errorf("empirical: contracting tile %s: %w", t, err)
	}
	for i, x := range traces {
		r.traces[i] += x
	}
	r.gram.Contraction += time.Since(t0)
	tail := r.opts.Outputs.tail(r.gram.O)
	width := t.Cols * product(tail)
	err = parallel(r.blas, t.Rows, func(_, i int) error {
		row := tiles.Tile{Row: t.Row + i, Col: t.Col, Rows: 1, Cols: t.Cols}
		return checkFinite(data[i*width:(i+1)*width], row, tail)
	})
	if err != nil {
		return err
	}
	return r.writer.WriteTile(t, data)
}

// checkFinite names the first entry that is NaN or infinite.
func checkFinite(data []float64, t tiles.Tile, tail []int) error {
	per := product(tail)
	for i, x := range data {
		if x-x != 0 {
			n, m := t.Row+i/per/t.Cols, t.Col+i/per%t.Cols
			return fmt.Errorf("empirical: Θ of examples %d and %d is %g, %w: the gradient overflows; try float64, smaller weights or scaled data", n, m, x, ErrNotFinite)
		}
	}
	return nil
}

func (r *run) shares() {
	sum := 0.0
	for _, x := range r.traces {
		sum += x
	}
	for i, w := range r.gram.Plan.sel.weights {
		s := Share{Weight: w.name, Trace: r.traces[i]}
		if sum > 0 {
			s.Part = s.Trace / sum
		}
		r.gram.Shares = append(r.gram.Shares, s)
	}
}
