package limits_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/tiles"
	"github.com/gontk/ntk/limits"
)

// derived is a convolution with a layer norm between, of 5 pixels.
func derived(t *testing.T) *limits.Limit {
	t.Helper()
	f := func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		h := gx.MulScalar(gx.Convolve(x, normal(ctx, x, "F", 3, 2, n)).PadSame().Done(), 0.6)
		m := gx.ReduceAndKeep(relu(h), gx.ReduceMean, -1)
		return readout(ctx, gx.ReduceMean(gx.Tanh(gx.Sub(relu(h), m)), 1))
	}
	l, err := limits.Derive(mlctx.New(), graph.One(f), []shapes.Shape{shapes.Make(dtypes.Float64, 5, 2)}, limits.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Laws of every Gram: symmetric, positive semidefinite, blocks are those of the
// whole, inputs stay as they are, and the number of threads does not matter.
func TestGramLaws(t *testing.T) {
	l := derived(t)
	x := inputs(t, 6, []int{5, 2})
	before := kerneltest.Floats(t, x)
	whole, err := l.Gram(t.Context(), empirical.Batch{x}, nil, limits.GramOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string][]float64{"K": whole.NNGP, "Θ": whole.NTK} {
		kerneltest.Symmetric(t, name, 6, m)
		kerneltest.PSD(t, name, 6, m, 1e-12) // a sum of rounding errors of 6 entries
	}
	one, err := l.Gram(t.Context(), empirical.Batch{x}, empirical.Batch{x}, limits.GramOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	// (x, x') and (x', x) are computed in different orders here.
	kerneltest.Close(t, "Θ(x, x) as if of two batches", one.NTK, whole.NTK, 1e-13)
	part := tensors.FromFlatDataAndDimensions(before[20:40], 2, 5, 2)
	block, err := l.Gram(t.Context(), empirical.Batch{part}, empirical.Batch{x}, limits.GramOptions{Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(block.NTK, one.NTK[12:24]) || !slices.Equal(block.NNGP, one.NNGP[12:24]) {
		t.Error("rows 2 and 3 differ from those of the whole")
	}
	if !slices.Equal(before, kerneltest.Floats(t, x)) {
		t.Error("the inputs were changed")
	}
}

func TestGramErrors(t *testing.T) {
	l := derived(t)
	x := empirical.Batch{inputs(t, 3, []int{5, 2})}
	stopped, stop := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	stop(cause)
	for _, tc := range []struct {
		name string
		ctx  context.Context
		x    empirical.Batch
		opts limits.GramOptions
		want error
	}{
		{"a wrong shape", t.Context(), empirical.Batch{inputs(t, 3, []int{4, 2})}, limits.GramOptions{}, empirical.ErrShape},
		{"two tensors", t.Context(), empirical.Batch{x[0], x[0]}, limits.GramOptions{}, empirical.ErrShape},
		{"no examples", t.Context(), nil, limits.GramOptions{}, empirical.ErrShape},
		{"a NaN", t.Context(), empirical.Batch{tensors.FromFlatDataAndDimensions([]float64{math.NaN(), 1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, 5, 2)}, limits.GramOptions{}, nil},
		{"canceled", stopped, x, limits.GramOptions{}, cause},
		{"no memory", t.Context(), x, limits.GramOptions{Memory: 100}, machine.ErrBudget},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := l.Gram(tc.ctx, tc.x, nil, tc.opts)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// Pairs are counted, on and above the diagonal: 10 of 4 examples.
func TestProgress(t *testing.T) {
	l := derived(t)
	for _, block := range []int{0, 3} {
		last := 0
		opts := limits.GramOptions{Block: block, Progress: func(done, total int) {
			if done <= last || total != 10 {
				t.Errorf("%d of %d pairs after %d, want more, of 10", done, total, last)
			}
			last = done
		}}
		if _, err := l.Gram(t.Context(), empirical.Batch{inputs(t, 4, []int{5, 2})}, nil, opts); err != nil {
			t.Fatal(err)
		}
		if last != 10 {
			t.Errorf("it ends at %d pairs, want 10", last)
		}
	}
}

// Tiles go to the stores that the caller makes; what is there already is not
// computed again: it keeps what was written there.
func TestGramWriter(t *testing.T) {
	l := derived(t)
	x := empirical.Batch{inputs(t, 5, []int{5, 2})}
	whole, err := l.Gram(t.Context(), x, nil, limits.GramOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stores := map[limits.Kernel]*tiles.Memory{}
	opts := limits.GramOptions{Block: 2, Writer: func(k limits.Kernel, s tiles.Spec) (tiles.Writer, error) {
		m, err := tiles.NewMemory(s)
		if err != nil {
			return nil, err
		}
		stores[k] = m
		return m, m.WriteTile(tiles.Tile{Row: 0, Col: 2, Rows: 2, Cols: 2}, []float64{1, 2, 3, 4})
	}}
	g, err := l.Gram(t.Context(), x, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	if g.NNGP != nil || g.NTK != nil {
		t.Error("what the stores have is in the result too")
	}
	for k, want := range map[limits.Kernel][]float64{limits.NNGP: whole.NNGP, limits.NTK: whole.NTK} {
		want = slices.Clone(want)
		for i, v := range []float64{1, 2, 3, 4} {
			r, c := i/2, 2+i%2
			want[5*r+c], want[5*c+r] = v, v
		}
		if got := stores[k].Data().([]float64); !slices.Equal(got, want) {
			t.Errorf("%s is %v, want %v", k, got, want)
		}
	}
	other := limits.GramOptions{Writer: func(k limits.Kernel, s tiles.Spec) (tiles.Writer, error) {
		s.Block1 = len(k)
		s.Block2 = len(k)
		return tiles.NewMemory(s)
	}}
	if _, err := l.Gram(t.Context(), x, nil, other); err == nil || !strings.Contains(err.Error(), "want the same") {
		t.Errorf("error %v for stores of different tiles", err)
	}
}
