package empirical_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/kerneltest"
	"github.com/gontk/ntk/internal/tiles"
)

var everyWay = []empirical.Way{empirical.Materialize, empirical.Factor, empirical.Sequential, empirical.Separable, empirical.Products}

// onDiagonal cuts the pairs (n, n) out of an array [N, N, …].
func onDiagonal(values []float64, n int) (pairs []float64) {
	per := len(values) / (n * n)
	for i := range n {
		pairs = append(pairs, values[(i*n+i)*per:][:per]...)
	}
	return pairs
}

// Pairs of x with itself and with another, by every way, for every reduction,
// whole and in uneven blocks.
func TestPairsAgainstLoop(t *testing.T) {
	// What differs from a Gram matrix is where a way finds an example: layouts.
	layouts := map[string]bool{
		"MLP": true, "weight on the left, shared batch axes": true, "recurrent, tied along positions": true,
		"embedding, averaged": true, "pooled, grouped": true,
	}
	for _, net := range networks {
		if !layouts[net.name] || testing.Short() && net.name != "weight on the left, shared batch axes" && net.name != "pooled, grouped" {
			continue // seconds each
		}
		t.Run(net.name, func(t *testing.T) {
			ctx := mlctx.New()
			f, err := empirical.New(kerneltest.Backend(t).GoMLX, ctx, graph.One(net.f), shapes.Make(dtypes.Float64, net.input...))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := f.Redraw(5); err != nil {
				t.Fatal(err)
			}
			x1, x2 := examples(t, 5, "x1", net.input...), examples(t, 5, "x2", net.input...)
			for _, second := range []*tensors.Tensor{nil, x2} {
				b2, other := empirical.Batch(nil), x1
				if second != nil {
					b2, other = empirical.Batch{second}, second
				}
				full, o := loop(t, ctx, net.f, x1, other)
				for _, way := range everyWay {
					block := []int{2, 0, 3, 2, 0}[way-1]
					for outputs, want := range reductions(onDiagonal(full, 5), 5, 1, o) {
						g, err := f.NTK(t.Context(), empirical.Batch{x1}, b2, empirical.Options{Outputs: outputs, Way: way, Block: block, Pairs: true})
						if err != nil {
							t.Fatalf("%s by %s: %v", outputs, way, err)
						}
						kerneltest.Close(t, outputs.String()+" by "+way.String(), g.Values, want, 1e-10) // as in TestNTKAgainstLoop
						if second != nil {
							continue
						}
						trace, sum := 0.0, 0.0
						for i := range 5 {
							for p := range o {
								trace += full[((i*5+i)*o+p)*o+p]
							}
						}
						if outputs == empirical.Pseudo {
							trace = 0
							for _, x := range g.Values {
								trace += x
							}
						}
						for _, s := range g.Shares {
							sum += s.Trace
						}
						kerneltest.Close(t, outputs.String()+" by "+way.String()+": shares", []float64{sum}, []float64{trace}, 1e-10)
					}
				}
			}
		})
	}
}

// The rows of a batch that is one function of its examples.
func TestPairsJoint(t *testing.T) {
	net := newNetwork(t, batchNorm, 5)
	x1, x2 := examples(t, 5, "x1", 5), examples(t, 5, "x2", 5)
	for _, second := range []*tensors.Tensor{nil, x2} {
		b2, other := empirical.Batch(nil), x1
		if second != nil {
			b2, other = empirical.Batch{second}, second
		}
		full, o := jointLoop(t, net.Context(), batchNorm, x1, other)
		for outputs, want := range reductions(onDiagonal(full, 5), 5, 1, o) {
			g, err := net.NTK(t.Context(), empirical.Batch{x1}, b2, empirical.Options{Outputs: outputs, Joint: true, Block: 2, Pairs: true})
			if err != nil {
				t.Fatal(err)
			}
			kerneltest.Close(t, outputs.String(), g.Values, want, 1e-10)
		}
	}
}

// The memory that a plan of pairs counts grows with their number, not with its
// square, so a budget that holds one row of tiles of a Gram matrix holds them.
func TestPairsPlan(t *testing.T) {
	net := newNetwork(t, twoLayers, 5)
	bytes := func(n int, pairs bool) int64 {
		p, err := net.Plan(n, 0, empirical.Options{Outputs: empirical.Full, Pairs: pairs, Block: n, Memory: 1 << 40})
		if err != nil {
			t.Fatal(err)
		}
		return p.Bytes
	}
	if a, b := bytes(200, true), bytes(400, true); b > 2*a {
		t.Errorf("400 pairs take %d bytes, 200 take %d", b, a)
	}
	if a, b := bytes(200, false), bytes(400, false); b < 3*a { // the tile, 16·16·N² bytes, prevails
		t.Errorf("400 examples take %d bytes, 200 take %d", b, a)
	}
	p, err := net.Plan(7, 0, empirical.Options{Pairs: true, Block: 3})
	if err != nil {
		t.Fatal(err)
	}
	if p.Tiles != 3 || !strings.Contains(p.String(), "7 pairs of examples") {
		t.Errorf("%d blocks, want 3: %s", p.Tiles, p)
	}
}

// A store of pairs keeps what an interrupted run has done, and has their shape.
func TestPairsStore(t *testing.T) {
	net := newNetwork(t, twoLayers, 5)
	x := examples(t, 5, "x", 5)
	for outputs, shape := range map[empirical.Outputs][]int{
		empirical.Full: {5, 4, 4}, empirical.Diagonal: {5, 4}, empirical.Trace: {5, 1},
	} {
		path := filepath.Join(t.TempDir(), "theta.npy")
		opts := empirical.Options{Outputs: outputs, Pairs: true, Block: 2}
		whole, err := net.NTK(t.Context(), empirical.Batch{x}, nil, opts)
		if err != nil {
			t.Fatal(err)
		}
		writes := 0
		opts.Writer = func(s tiles.Spec) (tiles.Writer, error) {
			w, err := tiles.CreateNPY(path, s, nil)
			return &failing{Writer: w, after: 2, writes: &writes}, err
		}
		if _, err := net.NTK(t.Context(), empirical.Batch{x}, nil, opts); !errors.Is(err, errFull) {
			t.Fatalf("error %v, want %v", err, errFull)
		}
		opts.Writer = func(s tiles.Spec) (tiles.Writer, error) {
			w, err := tiles.OpenNPY(path, s, nil)
			return &failing{Writer: w, after: 9, writes: &writes}, err
		}
		g, err := net.NTK(t.Context(), empirical.Batch{x}, nil, opts)
		if err != nil {
			t.Fatal(err)
		}
		if writes != 2+1+1 || g.Shares != nil || g.Times != nil {
			t.Errorf("%s: %d writes of 3 blocks, one of them refused; shares %v and times %v, want none", outputs, writes, g.Shares, g.Times)
		}
		got, _, values, err := tiles.ReadNPY(path)
		if err != nil {
			t.Fatal(err)
		}
		kerneltest.Close(t, outputs.String(), values.([]float64), whole.Values, 0)
		if !slices.Equal(got, shape) {
			t.Errorf("%s: shape %v, want %v", outputs, got, shape)
		}
	}
}

var errFull = errors.New("full")

// failing is a store that refuses all writes after some.
type failing struct {
	tiles.Writer
	after  int
	writes *int
}

func (f *failing) WriteTile(t tiles.Tile, data []float64) error {
	*f.writes++
	if *f.writes > f.after {
		return errFull
	}
	return f.Writer.WriteTile(t, data)
}

func TestPairsRefusals(t *testing.T) {
	net := newNetwork(t, twoLayers, 5)
	x := empirical.Batch{examples(t, 3, "x", 5)}
	if _, err := net.NTK(t.Context(), x, empirical.Batch{examples(t, 2, "y", 5)}, empirical.Options{Pairs: true}); !errors.Is(err, empirical.ErrShape) {
		t.Errorf("3 and 2 examples: %v", err)
	}
	if _, err := net.MonteCarlo(t.Context(), x, nil, empirical.MonteCarloOptions{Options: empirical.Options{Pairs: true}}); err == nil || !strings.Contains(err.Error(), "Pairs") {
		t.Errorf("Monte Carlo: %v", err)
	}
}

// The sampled error of pairs in float32, against the same in float64.
func TestPairsPrecision(t *testing.T) {
	f, err := empirical.New(kerneltest.Backend(t).GoMLX, mlctx.New(), graph.One(twoLayers), shapes.Make(dtypes.Float32, 5))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := empirical.Batch{tensors.FromFlatDataAndDimensions(narrow(kerneltest.Floats(t, examples(t, 9, "x", 5))), 9, 5)}
	opts := empirical.Options{Outputs: empirical.Full, Pairs: true}
	g, err := f.NTK(t.Context(), x, nil, opts)
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.Precision(t.Context(), x, g, opts)
	if err != nil {
		t.Fatal(err)
	}
	if p.Max > 1e-5*p.Scale || p.Scale == 0 || p.Max == 0 || p.Examples != 4 { // as in TestJointPrecision
		t.Errorf("precision %+v", p)
	}
}
