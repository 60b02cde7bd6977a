package cmd

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// A reply is what one command line did.
type reply struct {
	status         int
	stdout, stderr string
}

// do runs a command line in pure Go arithmetic, with models of the test's own.
func do(ctx context.Context, models []Model, args ...string) reply {
	var out, errs bytes.Buffer
	status := Run(ctx, args, &out, &errs, nil, models...)
	return reply{status, out.String(), errs.String()}
}

// succeed runs a command line that must end with status 0.
func succeed(t *testing.T, models []Model, args ...string) reply {
	t.Helper()
	r := do(t.Context(), models, args...)
	if r.status != 0 {
		t.Fatalf("ntk %s: status %d, stderr %q", strings.Join(args, " "), r.status, r.stderr)
	}
	return r
}

// linear is f(x) = w·x with o outputs, so that Θ(x, x')[o, p] = x·x' if o = p,
// else 0. then is applied to it, if not nil.
func linear(name string, o int, then func(*gx.Node) *gx.Node) Model {
	return Func(name, "f(x) = w·x", graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		x = gx.Reshape(x, x.Shape().Dimensions[0], -1)
		shape := shapes.Make(x.DType(), x.Shape().Dimensions[1], o)
		y := gx.Dot(x, ctx.In("first").VariableWithShape("w", shape).ValueGraph(x.Graph()))
		if then != nil {
			y = then(y)
		}
		return y
	}))
}

// broken are networks that have something wrong with them.
func broken() []Model {
	return []Model{
		linear("rank1", 4, func(y *gx.Node) *gx.Node { return gx.ReduceSum(y, 1) }),
		linear("floor", 4, gx.Floor),
		linear("mixing", 4, func(y *gx.Node) *gx.Node {
			return gx.Sub(y, gx.BroadcastToShape(gx.ReduceAndKeep(y, gx.ReduceMean, 0), y.Shape()))
		}),
		linear("crash", 4, func(y *gx.Node) *gx.Node {
			var none []float64
			return gx.AddScalar(y, none[y.Rank()])
		}),
		linear("half", 4, func(y *gx.Node) *gx.Node { return gx.ConvertDType(y, dtypes.Float64) }),
	}
}

// write makes a file in the test's folder and returns its path.
func write(t *testing.T, name string, content ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, bytes.Join(content, nil), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
