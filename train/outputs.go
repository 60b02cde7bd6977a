package train

import (
	"context"
	"fmt"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/cost"
	"github.com/gontk/ntk/graph/simplify"
	"github.com/gontk/ntk/predict"
)

// largestBlock is how many examples an evaluation takes at most: beyond, it gains
// no speed.
const largestBlock = 256

// Outputs returns f [N, O] on examples with the weights of the moment, in
// inference mode unless the model says otherwise.
//
// It returns an error if the examples do not fit the model, one that wraps
// [machine.ErrBudget] if the budget does not hold one example, and the cause of
// ctx within one block's time after ctx ends.
func (t *Trainer) Outputs(ctx context.Context, x empirical.Batch) (predict.Matrix, error) {
	if err := t.check(x); err != nil {
		return predict.Matrix{}, err
	}
	n := x.Len()
	block := n
	if !t.opts.Joint {
		var err error
		if block, err = t.blockFor(n); err != nil {
			return predict.Matrix{}, err
		}
	}
	p, err := t.forwardOf(block)
	if err != nil {
		return predict.Matrix{}, err
	}
	var out predict.Matrix
	for from := 0; from < n; from += block {
		if ctx.Err() != nil {
			return predict.Matrix{}, context.Cause(ctx)
		}
		part, err := x.Rows(upTo(from, block, n)...)
		if err != nil {
			return predict.Matrix{}, err
		}
		r, err := t.execute(p, part, nil)
		if err != nil {
			return predict.Matrix{}, fmt.Errorf("train: outputs: %w", err)
		}
		y, err := graph.TakeFloats(t.backend, r[0])
		if err != nil {
			return predict.Matrix{}, fmt.Errorf("train: reading outputs: %w", err)
		}
		if out.Data == nil {
			out = predict.NewMatrix(n, len(y)/block)
		}
		copy(out.Data[from*out.Cols:], y)
	}
	return out, nil
}

// upTo returns count indices from from on; those beyond n are n − 1.
func upTo(from, count, n int) []int {
	idx := make([]int, count)
	for i := range idx {
		idx[i] = min(from+i, n-1)
	}
	return idx
}

// forwardOf compiles f for batches of n, once.
func (t *Trainer) forwardOf(n int) (program, error) {
	if p, ok := t.forward[n]; ok {
		return p, nil
	}
	p, err := t.forwardProgram(n)
	if err != nil {
		return program{}, err
	}
	c, err := t.compile(p)
	if err == nil {
		t.forward[n] = c
	}
	return c, err
}

func (t *Trainer) forwardProgram(n int) (*graph.Program, error) {
	r, err := graph.Record(t.ctx, t.model, batched(t.inputs, n)...)
	if err != nil {
		return nil, err
	}
	if err := graph.Initialize(t.ctx, t.opts.Seed, false); err != nil {
		return nil, err
	}
	return simplify.Program(r.Program.Prune())
}

// blockFor returns how many of n examples are evaluated at a time: as many as the
// budget holds, by how the bytes grow from one example to two.
func (t *Trainer) blockFor(n int) (int, error) {
	if t.block == 0 {
		var peaks [2]int64
		for i := range peaks {
			p, err := t.forwardProgram(i + 1)
			if err != nil {
				return 0, err
			}
			peaks[i] = cost.Peak(p)
		}
		b := t.opts.budget()
		if peaks[0] > b.Bytes {
			return 0, b.Exceeded("the outputs of one example", peaks[0], "take a smaller network")
		}
		slope := max(peaks[1]-peaks[0], 1)
		t.block = int(min(largestBlock, 1+(b.Bytes-peaks[0])/slope))
	}
	return min(n, t.block), nil
}
