package weights_test

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/context/checkpoints"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models/weights"
)

// variables are those of testdata/make.py, in its order.
var variables = []struct {
	scope, name string
	dims        []int
}{{"/first", "W", []int{2, 3}}, {"/first", "b", []int{3}}, {"/", "scale", nil}, {"/head", "W", []int{3, 2}}}

// four returns a context with those variables, at value(0), value(1), …
func four(dt dtypes.DType, value func(i int) float64) *mlctx.Context {
	ctx := mlctx.New()
	n := 0
	for _, v := range variables {
		size := shapes.Make(dt, v.dims...).Size()
		f64, f32 := make([]float64, size), make([]float32, size)
		for i := range size {
			f64[i] = value(n + i)
			f32[i] = float32(f64[i])
		}
		n += size
		t := tensors.FromFlatDataAndDimensions(f32, v.dims...)
		if dt == dtypes.Float64 {
			t = tensors.FromFlatDataAndDimensions(f64, v.dims...)
		}
		ctx.InAbsPath(v.scope).VariableWithValue(v.name, t)
	}
	return ctx
}

func zero(int) float64        { return 0 }
func eighths(i int) float64   { return float64(i+1) / 8 }
func irregular(i int) float64 { return 1 / float64(3+i) }

// entries returns the values of a context, in the order of variables.
func entries(t *testing.T, ctx *mlctx.Context) (all []float64) {
	t.Helper()
	for _, v := range variables {
		x, err := ctx.GetVariableByScopeAndName(v.scope, v.name).Value()
		if err != nil {
			t.Fatal(err)
		}
		err = x.ConstFlatData(func(flat any) {
			switch f := flat.(type) {
			case []float64:
				all = append(all, f...)
			case []float32:
				for _, y := range f {
					all = append(all, float64(y))
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// wanted lists value(0), value(1), … rounded to dt, for the 16 entries.
func wanted(dt dtypes.DType, value func(i int) float64) (all []float64) {
	for i := range 6 + 3 + 1 + 6 {
		x := value(i)
		if dt == dtypes.Float32 {
			x = float64(float32(x))
		}
		all = append(all, x)
	}
	return all
}

// TestPython reads what NumPy and the safetensors package of Python wrote.
func TestPython(t *testing.T) {
	for _, c := range []struct {
		file  string
		dtype dtypes.DType
	}{
		{"four.safetensors", dtypes.Float32},
		{"four.npz", dtypes.Float32},
		{"fortran.npz", dtypes.Float32},
		{"double.npz", dtypes.Float64},
	} {
		ctx := four(c.dtype, zero)
		if err := weights.Load(filepath.Join("testdata", c.file), ctx); err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		if got, want := entries(t, ctx), wanted(c.dtype, eighths); !slices.Equal(got, want) {
			t.Errorf("%s: entries %v, want %v", c.file, got, want)
		}
	}
}

// TestRoundTrip saves and loads in every format and dtype, with nothing lost.
func TestRoundTrip(t *testing.T) {
	for _, ext := range []string{".npz", ".safetensors"} {
		for _, dt := range []dtypes.DType{dtypes.Float32, dtypes.Float64} {
			path := filepath.Join(t.TempDir(), "w"+ext)
			from := four(dt, irregular)
			if err := from.SetRNGStateFromSeed(1); err != nil { // not saved
				t.Fatal(err)
			}
			if err := weights.Save(path, from); err != nil {
				t.Fatal(err)
			}
			ctx := four(dt, zero)
			if err := weights.Load(path, ctx); err != nil {
				t.Fatal(err)
			}
			if got, want := entries(t, ctx), wanted(dt, irregular); !slices.Equal(got, want) {
				t.Errorf("%s, %s: entries %v, want %v", ext, dt, got, want)
			}
			if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
				t.Errorf("%s: the folder holds %v, %v; want the file alone", ext, left, err)
			}
		}
	}
}

// TestCheckpoint reads a folder that GoMLX's own package wrote, after steps that
// left a step count, optimizer state and two checkpoints.
func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	from := four(dtypes.Float32, zero)
	h, err := checkpoints.Build(from).Dir(dir).Keep(2).Done()
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Save(); err != nil {
		t.Fatal(err)
	}
	trained := four(dtypes.Float32, irregular)
	for _, v := range variables {
		x, err := trained.GetVariableByScopeAndName(v.scope, v.name).Value()
		if err != nil {
			t.Fatal(err)
		}
		if err := from.GetVariableByScopeAndName(v.scope, v.name).SetValue(x); err != nil {
			t.Fatal(err)
		}
	}
	from.InAbsPath("/optimizers/AdamOptimizer/first").VariableWithValue("W_1st_moment", []float32{1, 2})
	from.InAbsPath("/optimizers").VariableWithValue("global_step", int64(7))
	if err := h.Save(); err != nil {
		t.Fatal(err)
	}
	ctx := four(dtypes.Float32, zero)
	if err := weights.LoadCheckpoint(dir, ctx); err != nil {
		t.Fatal(err)
	}
	if got, want := entries(t, ctx), wanted(dtypes.Float32, irregular); !slices.Equal(got, want) {
		t.Errorf("entries %v, want %v", got, want)
	}
	ctx.InAbsPath("/more").VariableWithValue("w", []float32{1})
	if err := weights.LoadCheckpoint(dir, ctx); !errors.Is(err, weights.ErrNames) || !strings.Contains(err.Error(), `"more/w"`) {
		t.Errorf("error %v, want one that names more/w", err)
	}
	for _, bad := range []string{t.TempDir(), filepath.Join(dir, "none"), filepath.Join("testdata", "four.npz")} {
		if err := weights.LoadCheckpoint(bad, ctx); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), bad) {
			t.Errorf("error %q, want one line that names %s", err, bad)
		}
	}
}

// TestRefused gives files that do not fit the network. Each is refused by one
// line, and no variable is changed.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	edit := func(name string, from string, change func(b []byte) []byte) string {
		b, err := os.ReadFile(filepath.Join("testdata", from))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, change(slices.Clone(b)), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// npz writes an archive whose arrays are empty but for first/W.
	npz := func(name, shape string, size int) string {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		z := zip.NewWriter(f)
		for _, v := range variables {
			w, err := z.Create(strings.TrimLeft(v.scope+"/", "/") + v.name + ".npy")
			if err != nil {
				t.Fatal(err)
			}
			s, n := strings.NewReplacer("[]", "()", "[", "(", "]", ",)", " ", ", ").Replace(fmt.Sprint(v.dims)), 4*shapes.Make(dtypes.Float32, v.dims...).Size()
			if v.scope == "/first" && v.name == "W" {
				s, n = shape, size
			}
			header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': %s, }\n", s)
			_, err = fmt.Fprintf(w, "\x93NUMPY\x01\x00%c%c%s%s", len(header), 0, header, make([]byte, n))
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	swap := func(old, to string) func(b []byte) []byte { // of one length
		return func(b []byte) []byte { return []byte(strings.ReplaceAll(string(b), old, to)) }
	}
	same := func(b []byte) []byte { return b }
	plain := func() *mlctx.Context { return four(dtypes.Float32, zero) }
	var cases []refusal
	for _, ext := range []string{".npz", ".safetensors"} {
		file := "four" + ext
		cases = append(cases,
			refusal{"another name" + ext, edit("name"+ext, file, swap("head/W", "head/V")), plain, weights.ErrNames, []string{`"head/W"`, `"head/V"`}},
			refusal{"missing" + ext, edit("missing"+ext, file, same), func() *mlctx.Context {
				ctx := four(dtypes.Float32, zero)
				ctx.In("tail").VariableWithValue("W", float32(1))
				return ctx
			}, weights.ErrNames, []string{"lacks", `"tail/W"`}},
			refusal{"extra" + ext, edit("extra"+ext, file, same), func() *mlctx.Context {
				ctx := four(dtypes.Float32, zero)
				if err := ctx.DeleteVariable("/head", "W"); err != nil {
					t.Fatal(err)
				}
				return ctx
			}, weights.ErrNames, []string{"network lacks", `"head/W"`}},
			refusal{"dtype" + ext, edit("dtype"+ext, file, same), func() *mlctx.Context { return four(dtypes.Float64, zero) }, weights.ErrDType, []string{"Float32", "Float64"}},
			refusal{"shape" + ext, edit("shape"+ext, file, same), func() *mlctx.Context {
				ctx := four(dtypes.Float32, zero)
				if err := ctx.GetVariableByScopeAndName("/head", "W").SetValue(tensors.FromFlatDataAndDimensions(make([]float32, 6), 2, 3)); err == nil {
					return ctx
				}
				if err := ctx.DeleteVariable("/head", "W"); err != nil {
					t.Fatal(err)
				}
				ctx.InAbsPath("/head").VariableWithValue("W", tensors.FromFlatDataAndDimensions(make([]float32, 6), 2, 3))
				return ctx
			}, weights.ErrShape, []string{`"head/W"`, "[3 2]", "[2 3]"}},
			refusal{"cut in half" + ext, edit("half"+ext, file, func(b []byte) []byte { return b[:len(b)/2] }), plain, nil, []string{"cut short"}},
			refusal{"empty" + ext, edit("empty"+ext, file, func([]byte) []byte { return nil }), plain, nil, []string{"no " + ext}},
			refusal{"no such file" + ext, filepath.Join(dir, "none"+ext), plain, os.ErrNotExist, nil},
			refusal{"no variables" + ext, edit("novars"+ext, file, same), func() *mlctx.Context { return mlctx.New() }, nil, []string{"build the network first"}},
		)
	}
	cases = append(cases,
		refusal{"huge shape", npz("huge.npz", "(1000000000000, 3)", 24), plain, weights.ErrShape, []string{`"first/W"`, "[1000000000000 3]"}},
		refusal{"shape beyond int64", npz("beyond.npz", "(99999999999999999999,)", 24), plain, nil, []string{`"first/W"`, "99999999999999999999"}},
		refusal{"too few bytes", npz("few.npz", "(2, 3)", 20), plain, nil, []string{`"first/W"`, "damaged"}},
		refusal{"too many bytes", npz("many.npz", "(2, 3)", 28), plain, nil, []string{`"first/W"`, "more bytes"}},
		refusal{"big-endian", edit("big.npz", "big.npz", same), plain, nil, []string{">f4", "little-endian"}},
		refusal{"a checksum that fails", edit("crc.npz", "four.npz", swap("\x00\x00\x00\x3e", "\x00\x00\x00\x3d")), plain, nil, []string{"checksum"}},
		refusal{"huge header", edit("header.safetensors", "four.safetensors", func(b []byte) []byte { b[7] = 1; return b }), plain, nil, []string{"header"}},
		refusal{"no JSON", edit("json.safetensors", "four.safetensors", func(b []byte) []byte { b[8] = '['; return b }), plain, nil, []string{"damaged header"}},
		refusal{"shape and bytes that do not agree", edit("bytes.safetensors", "four.safetensors", swap("[2,3]", "[9,3]")), plain, nil, []string{"damaged header", "first/W"}},
		refusal{"longer", edit("long.safetensors", "four.safetensors", func(b []byte) []byte { return append(b, 0) }), plain, nil, []string{"65 bytes", "want 64"}},
		refusal{"no extension", edit("four", "four.npz", same), plain, nil, []string{".npz or .safetensors"}},
	)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx := c.context()
			err := weights.Load(c.path, ctx)
			if err == nil {
				t.Fatal("no error")
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("error %q is no %q", err, c.is)
			}
			if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "weights: ") {
				t.Errorf("error %q, want one line that begins with \"weights: \"", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error %q lacks %q", err, w)
				}
			}
			for v := range ctx.IterVariables() {
				if strings.Contains(fmt.Sprint(v.MustValue().Value()), "0.125") {
					t.Errorf("%s was set", v.ScopeAndName())
				}
			}
		})
	}
}

// A refusal is a file that does not fit a network.
type refusal struct {
	name, path string
	context    func() *mlctx.Context
	is         error
	want       []string
}

// TestNoValue refuses to save what has not been drawn.
func TestNoValue(t *testing.T) {
	ctx := mlctx.New()
	_, err := graph.Record(ctx, graph.One(func(ctx *mlctx.Context, x *gx.Node) *gx.Node {
		return gx.Dot(x, graph.Weight(ctx, "w", shapes.Make(x.DType(), 2, 2), graph.Gaussian(1)).ValueGraph(x.Graph()))
	}), shapes.Make(dtypes.Float32, 3, 2))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "w.npz")
	if err := weights.Save(path, ctx); err == nil || !strings.Contains(err.Error(), "w has no value") {
		t.Errorf("error %v, want one that says w has no value", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file is there: %v", err)
	}
}
