package cmd

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// headed returns s = w·x, of 1 output, named sum, and (s, 2s), so that Θ between
// outputs is x·x' times the product of their factors 1, 1 and 2.
func headed() Model {
	return Func("headed", "w·x and (w·x, 2w·x)", func(ctx *mlctx.Context, in []*gx.Node) []*gx.Node {
		x := in[0]
		w := ctx.In("first").VariableWithShape("w", shapes.Make(x.DType(), x.Shape().Dim(1), 1)).ValueGraph(x.Graph())
		s := gx.Dot(x, w)
		return []*gx.Node{s.WithAlias("sum"), gx.Concatenate([]*gx.Node{s, gx.MulScalar(s, 2)}, 1)}
	})
}

// TestHeads computes Θ of all heads and of one.
func TestHeads(t *testing.T) {
	x := integers(3, 2)
	file := write(t, "x.npy", npy("(3, 2)", x...))
	own := []Model{headed()}
	for _, tc := range []struct {
		args    string
		factors []float64
		heads   []any // of the manifest
	}{
		{"", []float64{1, 1, 2}, []any{
			map[string]any{"name": "sum", "from": 0.0, "outputs": 1.0}, map[string]any{"name": "1", "from": 1.0, "outputs": 2.0},
		}},
		{"--head 1 --head sum", []float64{1, 2, 1}, []any{
			map[string]any{"name": "1", "from": 0.0, "outputs": 2.0}, map[string]any{"name": "sum", "from": 2.0, "outputs": 1.0},
		}},
		{"--head 1", []float64{1, 2}, nil},
		{"--of 2", []float64{2}, nil},
	} {
		t.Run(tc.args, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "theta")
			args := strings.Fields("gram --model headed --backend go --dtype float64 --json --quiet --examples all --outputs full --data " + file + " --out " + out + " " + tc.args)
			decode(t, "ntk/gram/1", succeed(t, own, args...).stdout)
			_, shape, values := readNPY(t, filepath.Join(out, "theta.npy"))
			var want []float64
			for i := range 3 {
				for j := range 3 {
					for _, p := range tc.factors {
						for _, q := range tc.factors {
							want = append(want, p*q*inner(x, 2, i, j))
						}
					}
				}
			}
			o := len(tc.factors)
			if !reflect.DeepEqual(shape, []int{3, 3, o, o}) || !reflect.DeepEqual(values, want) { // integers: exact
				t.Errorf("shape %v, values %v, want %v", shape, values, want)
			}
			if heads, _ := readManifest(t, out)["heads"].([]any); !reflect.DeepEqual(heads, tc.heads) {
				t.Errorf("the manifest has the heads %v, want %v", heads, tc.heads)
			}
		})
	}
	r := do(t.Context(), own, "gram", "--model", "headed", "--backend", "go", "--data", file, "--examples", "all", "--explain", "--head", "value")
	if r.status != 1 || !strings.Contains(r.stderr, `"value"`) || !strings.Contains(r.stderr, "sum, 1") {
		t.Errorf("an unknown head: status %d, %q", r.status, r.stderr)
	}
}
