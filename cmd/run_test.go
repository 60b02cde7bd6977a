package cmd

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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
		linear("fourier", 4, func(y *gx.Node) *gx.Node { return gx.Real(gx.FFT(gx.Complex(y, gx.ZerosLike(y)))) }),
		// Noise whose seed is an output: a random state of its own for every example.
		linear("noise", 4, func(y *gx.Node) *gx.Node {
			state := gx.ConvertDType(gx.Reshape(gx.Slice(y, gx.AxisElem(0), gx.AxisRange(0, 3)), 3), dtypes.Uint64)
			_, noise := gx.RandomUniform(state, y.Shape())
			return gx.Add(y, noise)
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

// npy is a .npy file, version 1.0, as NumPy's format document describes it.
func npy(shape string, values ...float64) []byte {
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': %s, }", shape)
	header += strings.Repeat(" ", 63-(len(header)+10)%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	b = append(b, header...)
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

var npyFields = regexp.MustCompile(`'descr': '<f([48])'.*'shape': \(([^)]*)\)`)

// readNPY reads a .npy file as its format document describes it.
func readNPY(t *testing.T, path string) (dtype string, shape []int, values []float64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 10 || !bytes.HasPrefix(b, []byte("\x93NUMPY\x01\x00")) {
		t.Fatalf("%s is no .npy file, version 1.0", path)
	}
	header, data, _ := bytes.Cut(b[10:], []byte("\n"))
	m := npyFields.FindStringSubmatch(string(header))
	if m == nil || !bytes.Contains(header, []byte("'fortran_order': False")) || len(header)+1 != int(binary.LittleEndian.Uint16(b[8:])) {
		t.Fatalf("%s has the header %q", path, header)
	}
	for word := range strings.SplitSeq(strings.TrimSuffix(m[2], ","), ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			t.Fatalf("%s has the shape %q", path, m[2])
		}
		shape = append(shape, n)
	}
	size := int(m[1][0] - '0')
	for ; len(data) >= size; data = data[size:] {
		if size == 4 {
			values = append(values, float64(math.Float32frombits(binary.LittleEndian.Uint32(data))))
		} else {
			values = append(values, math.Float64frombits(binary.LittleEndian.Uint64(data)))
		}
	}
	return "f" + m[1], shape, values
}

// integers are n examples of d small integers, row-major: sums of their
// products are exact in float32.
func integers(n, d int) []float64 {
	x := make([]float64, n*d)
	for i := range x {
		x[i] = float64(i*i*7%11 - 5)
	}
	return x
}

// inner returns x_i · x_j of examples of d numbers.
func inner(x []float64, d, i, j int) float64 {
	sum := 0.0
	for k := range d {
		sum += x[i*d+k] * x[j*d+k]
	}
	return sum
}

// scaled is c·w·x of one output, where c is the depth.
func scaled(name string) Model {
	return Model{Name: name, About: "c·w·x", New: func(depth int, input []int, outputs int) (graph.Model, error) {
		return linear(name, 1, func(y *gx.Node) *gx.Node { return gx.MulScalar(y, max(1, depth)) }).New(0, input, outputs)
	}}
}

// counts returns how many tiles the journal of an array has, -1 without one, and
// how many of them it has twice.
func counts(t *testing.T, array string) (tiles, twice int) {
	t.Helper()
	b, err := os.ReadFile(array + ".journal")
	if err != nil {
		return -1, 0
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		tile, _, ok := strings.Cut(line, `,"crc32c"`)
		if !ok || !strings.HasSuffix(line, "\n") {
			continue // the first, the last, or cut off
		}
		if tiles++; seen[tile] {
			twice++
		}
		seen[tile] = true
	}
	return tiles, twice
}
