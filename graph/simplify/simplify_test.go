package simplify_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/simplify"
)

func run(t *testing.T, p *graph.Program, in [][]float64) []float64 {
	t.Helper()
	b, err := simplego.New("ops_sequential")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	ex, err := graph.Compile(b, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	bufs := make([]backends.Buffer, len(in))
	for i, flat := range in {
		if bufs[i], err = b.BufferFromFlatData(0, flat, p.Params[i].Shape); err != nil {
			t.Fatal(err)
		}
	}
	out, err := ex.Execute(bufs, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	y := make([]float64, p.Outputs[0].Shape.Size())
	if err := b.BufferToFlatData(out[0], y); err != nil {
		t.Fatal(err)
	}
	return y
}

func trace(t *testing.T, f func(xs []*gx.Node) *gx.Node, dims ...[]int) *graph.Program {
	t.Helper()
	ss := make([]shapes.Shape, len(dims))
	for i, d := range dims {
		ss[i] = shapes.Make(dtypes.Float64, d...)
	}
	rec, err := graph.Trace(mlctx.New(), "t", func(_ *mlctx.Context, g *gx.Graph) []*gx.Node {
		return []*gx.Node{f(graph.Inputs(g, ss...))}
	})
	if err != nil {
		t.Fatal(err)
	}
	return rec.Program.Prune()
}

func random(rng *rand.Rand, p *graph.Program) [][]float64 {
	in := make([][]float64, len(p.Params))
	for i, v := range p.Params {
		in[i] = make([]float64, v.Shape.Size())
		for k := range in[i] {
			in[i][k] = rng.NormFloat64()
		}
	}
	return in
}

// check runs p and its simplified form on the same numbers. They differ in the
// order of sums of at most 60 terms: 1e-13.
func check(t *testing.T, p *graph.Program) *graph.Program {
	t.Helper()
	q, err := simplify.Program(p)
	if err != nil {
		t.Fatal(err)
	}
	in := random(rand.New(rand.NewPCG(1, 2)), p)
	want, got := run(t, p, in), run(t, q, in)
	for i := range want {
		if e := abs(got[i] - want[i]); !(e <= 1e-13*(1+abs(want[i]))) {
			t.Fatalf("entry %d: %g, want %g\n%s\n%s", i, got[i], want[i], p, q)
		}
	}
	return q
}

func abs(x float64) float64 { return max(x, -x) }

func TestRules(t *testing.T) {
	for _, tc := range []struct {
		name  string
		f     func(xs []*gx.Node) *gx.Node
		dims  [][]int
		op    graph.OpType
		count int
	}{
		{"gradient of a matrix product", func(xs []*gx.Node) *gx.Node {
			return gx.Gradient(gx.ReduceAllSum(gx.Mul(gx.Dot(xs[0], xs[1]), xs[2])), xs[1])[0]
		}, [][]int{{4, 3}, {3, 5}, {4, 5}}, backends.OpTypeDotGeneral, 1},
		{"reshapes", func(xs []*gx.Node) *gx.Node {
			return gx.Reshape(gx.Reshape(xs[0], 6), 2, 3)
		}, [][]int{{3, 2}}, backends.OpTypeReshape, 1},
		{"transposes that cancel", func(xs []*gx.Node) *gx.Node {
			return gx.Neg(gx.TransposeAllAxes(gx.TransposeAllAxes(xs[0], 2, 0, 1), 1, 2, 0))
		}, [][]int{{2, 3, 4}}, backends.OpTypeTranspose, 0},
		{"a product with a transposed operand", func(xs []*gx.Node) *gx.Node {
			return gx.Dot(xs[0], gx.Transpose(xs[1], 0, 1))
		}, [][]int{{4, 3}, {5, 3}}, backends.OpTypeTranspose, 0},
		{"a product that needs its operand's axes turned", func(xs []*gx.Node) *gx.Node {
			return gx.DotGeneral(xs[0], []int{1}, nil, gx.TransposeAllAxes(xs[1], 2, 1, 0), []int{1}, nil)
		}, [][]int{{4, 3}, {5, 3, 2}}, backends.OpTypeTranspose, 1},
		{"equal ops", func(xs []*gx.Node) *gx.Node {
			return gx.Add(gx.Exp(xs[0]), gx.Exp(xs[0]))
		}, [][]int{{2, 3}}, backends.OpTypeExp, 1},
		{"a stopped gradient is not its operand", func(xs []*gx.Node) *gx.Node {
			return gx.Add(gx.StopGradient(xs[0]), xs[0])
		}, [][]int{{2}}, backends.OpTypeIdentity, 1},
		{"a sum over size 1", func(xs []*gx.Node) *gx.Node {
			return gx.ReduceSum(xs[0], 1)
		}, [][]int{{2, 1, 3}}, backends.OpTypeReduceSum, 0},
		{"a plain sum of products stays", func(xs []*gx.Node) *gx.Node {
			return gx.ReduceSum(gx.Mul(xs[0], xs[1]), 1)
		}, [][]int{{2, 3}, {2, 3}}, backends.OpTypeReduceSum, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q := check(t, trace(t, tc.f, tc.dims...))
			if n := q.Count()[tc.op]; n != tc.count {
				t.Errorf("%d × %s, want %d:\n%s", n, tc.op, tc.count, q)
			}
		})
	}
}

// Sums of broadcast products with random shapes and axes; the oracle is the
// Program as it was.
func TestSumsOfProducts(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	dots := 0
	for range 300 {
		rank := 1 + rng.IntN(4)
		xd, yd := make([]int, rank), make([]int, rank)
		var axes []int
		for i := range rank {
			n := 1 + rng.IntN(4)
			xd[i], yd[i] = n, n
			switch rng.IntN(4) {
			case 0:
				xd[i] = 1
			case 1:
				yd[i] = 1
			}
			if rng.IntN(2) == 0 {
				axes = append(axes, i)
			}
		}
		if len(axes) == 0 {
			axes = []int{rng.IntN(rank)}
		}
		q := check(t, trace(t, func(xs []*gx.Node) *gx.Node {
			return gx.ReduceSum(gx.Mul(xs[0], xs[1]), axes...)
		}, xd, yd))
		dots += q.Count()[backends.OpTypeDotGeneral]
	}
	if dots < 100 {
		t.Errorf("only %d of 300 sums became DotGeneral", dots)
	}
}
