package models_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	gx "github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	mlctx "github.com/gomlx/gomlx/pkg/ml/context"

	"github.com/gontk/ntk/graph"
)

// TestDense: W x over the last axis, scaled as each parameterization says.
func TestDense(t *testing.T) {
	const in, width = 6, 4
	for _, tc := range []struct {
		param, layer string
		s, sb        float64
		input        []int
	}{
		{"ntk", `"w_std": 1.5, "b_std": 0.3`, 1.5 / math.Sqrt(6), 0.3, []int{in}},
		{"ntk", `"w_std": 1.5, "b_std": 0.3`, 1.5 / math.Sqrt(6), 0.3, []int{3, 2, in}},
		{"ntk", `"w_std": 1.5, "b_std": 0`, 1.5 / math.Sqrt(6), 0, []int{in}},
		{"standard", `"w_std": 1.5, "b_std": 0.3`, 1, 1, []int{in}},
		{"standard", `"w_std": 1.5, "b_std": 0.3, "s": [2, 1]`, 1 / math.Sqrt2, 1, []int{in}},
	} {
		t.Run(tc.param+tc.layer, func(t *testing.T) {
			x := gaussian(1, append([]int{2}, tc.input...)...)
			w, b := gaussian(2, in, width), gaussian(3, width)
			y := newND(append(append([]int{2}, tc.input[:len(tc.input)-1]...), width)...)
			for r := range size(y.dims) / width {
				for o := range width {
					for i := range in {
						y.data[r*width+o] += x.data[r*in+i] * w.data[i*width+o]
					}
				}
			}
			spec := parse(t, `[{"op": "dense", "width": 4, `+tc.layer+`}]`, tc.param, tc.input...)
			got := forward(t, spec, map[string]nd{"p0_W": w, "p0_b": b}, x)
			if e := relErr(got, affine(y, tc.s, b, tc.sb)); !(e <= sumTol) {
				t.Errorf("relative error %g, want ≤ %g", e, sumTol)
			}
		})
	}
}

// standardized divides by groups of equal key, the moments in two passes.
func standardized(x nd, eps float64, key func(i []int) string) nd {
	sum, n := map[string]float64{}, map[string]float64{}
	each(x.dims, func(i []int) { sum[key(i)] += *x.at(i...); n[key(i)]++ })
	sq := map[string]float64{}
	each(x.dims, func(i []int) { d := *x.at(i...) - sum[key(i)]/n[key(i)]; sq[key(i)] += d * d })
	y := newND(x.dims...)
	each(x.dims, func(i []int) {
		k := key(i)
		*y.at(i...) = (*x.at(i...) - sum[k]/n[k]) / math.Sqrt(sq[k]/n[k]+eps)
	})
	return y
}

func TestNorms(t *testing.T) {
	for _, tc := range []struct {
		layer string
		eps   float64
		key   func(i []int) string
	}{
		{`{"op": "layer_norm", "axis": [-1], "eps": 1e-5`, 1e-5, func(i []int) string { return fmt.Sprint(i[:3]) }},
		{`{"op": "layer_norm", "axis": [1, 2, 3], "eps": 0.1`, 0.1, func(i []int) string { return fmt.Sprint(i[0]) }},
		{`{"op": "layer_norm", "axis": [2, -1], "eps": 0.1`, 0.1, func(i []int) string { return fmt.Sprint(i[:2]) }},
		{`{"op": "batch_norm", "eps": 1e-3`, 1e-3, func(i []int) string { return fmt.Sprint(i[3]) }},
		{`{"op": "group_norm", "groups": 2, "eps": 1e-3`, 1e-3, func(i []int) string { return fmt.Sprint(i[0], i[3]/3) }},
		{`{"op": "group_norm", "groups": 6, "eps": 0.1`, 0.1, func(i []int) string { return fmt.Sprint(i[0], i[3]) }},
	} {
		for _, affine := range []bool{false, true} {
			t.Run(fmt.Sprint(tc.layer, affine), func(t *testing.T) {
				x, gain, shift := gaussian(1, 3, 4, 2, 6), gaussian(2, 6), gaussian(3, 6)
				want := standardized(x, tc.eps, tc.key)
				if affine {
					each(want.dims, func(i []int) { *want.at(i...) = *want.at(i...)*gain.data[i[3]] + shift.data[i[3]] })
				}
				spec := parse(t, fmt.Sprintf(`[%s, "affine": %v}]`, tc.layer, affine), "ntk", 4, 2, 6)
				if e := relErr(forward(t, spec, map[string]nd{"p0_scale": gain, "p0_shift": shift}, x), want); !(e <= 1e-12) {
					t.Errorf("relative error %g, want ≤ 1e-12", e)
				}
			})
		}
	}
}

// TestRMSNorm: the second moment alone, over one axis and over three.
func TestRMSNorm(t *testing.T) {
	x, gain := gaussian(1, 3, 4, 2, 5), gaussian(2, 5)
	for i := range x.data {
		x.data[i]++ // a mean that must not be subtracted
	}
	for axis, per := range map[string]int{"[-1]": 5, "[1, 2, 3]": 40} {
		for _, affine := range []bool{false, true} {
			want := newND(x.dims...)
			for from := 0; from < len(x.data); from += per {
				sum := 0.0
				for _, v := range x.data[from : from+per] {
					sum += v * v
				}
				for i := from; i < from+per; i++ {
					want.data[i] = x.data[i] / math.Sqrt(sum/float64(per)+0.1)
					if affine {
						want.data[i] *= gain.data[i%5]
					}
				}
			}
			spec := parse(t, fmt.Sprintf(`[{"op": "rms_norm", "axis": %s, "eps": 0.1, "affine": %v}]`, axis, affine), "ntk", 4, 2, 5)
			if e := relErr(forward(t, spec, map[string]nd{"p0_scale": gain}, x), want); !(e <= 1e-12) {
				t.Errorf("%s, affine %v: relative error %g, want ≤ 1e-12", axis, affine, e)
			}
		}
	}
}

// TestRunningNorm: in inference examples are scaled by the given moments; in
// graphs that train by those of the batch.
func TestRunningNorm(t *testing.T) {
	x, gain, shift, mean := gaussian(1, 3, 4, 5), gaussian(2, 5), gaussian(3, 5), gaussian(4, 5)
	variance := newND(5)
	for i := range variance.data {
		variance.data[i] = 0.5 + float64(i)
	}
	a := map[string]nd{"p0_scale": gain, "p0_shift": shift, "p0_mean": mean, "p0_variance": variance}
	s := parse(t, `[{"op": "batch_norm", "mode": "running", "eps": 0.01, "affine": true}]`, "ntk", 4, 5)
	want := newND(x.dims...)
	each(x.dims, func(i []int) {
		c := i[2]
		*want.at(i...) = (*x.at(i...)-mean.data[c])/math.Sqrt(variance.data[c]+0.01)*gain.data[c] + shift.data[c]
	})
	if e := relErr(forward(t, s, a, x), want); !(e <= 1e-13) {
		t.Errorf("inference: relative error %g, want ≤ 1e-13", e)
	}
	infos, err := s.Params()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range infos {
		if frozen := p.VarName == "mean" || p.VarName == "variance"; p.Frozen != frozen {
			t.Errorf("%s: frozen %v, want %v", p.Name, p.Frozen, frozen)
		}
	}
	if text := s.String(); !strings.Contains(text, ", 10 parameters") {
		t.Errorf("%s: want 10 parameters, the running moments not counted", text)
	}

	model, err := s.Model()
	if err != nil {
		t.Fatal(err)
	}
	ctx := mlctx.New()
	r, err := graph.Trace(ctx, "train", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
		ctx.SetTraining(g, true)
		return model(ctx, graph.Inputs(g, shapes.Make(dtypes.Float64, x.dims...)))
	})
	if err != nil {
		t.Fatal(err)
	}
	values := map[*graph.Value]nd{r.Inputs[0]: x}
	for _, v := range r.Variables {
		if values[v.Value] = a["p0_"+v.Name()]; v.Name() == "avg_weight" {
			values[v.Value] = newND(5)
		}
		if trained := v.Name() == "scale" || v.Name() == "shift"; v.Trainable != trained || !v.Tagged {
			t.Errorf("%s: trainable %v, with a distribution %v", v.Name(), v.Trainable, v.Tagged)
		}
	}
	want = standardized(x, 0.01, func(i []int) string { return fmt.Sprint(i[2]) })
	each(want.dims, func(i []int) { *want.at(i...) = *want.at(i...)*gain.data[i[2]] + shift.data[i[2]] })
	if e := relErr(execute(t, r.Program, values), want); !(e <= 1e-12) {
		t.Errorf("training: relative error %g, want ≤ 1e-12", e)
	}
	for _, v := range []string{"mean", "variance"} {
		if !ctx.GetVariableByScopeAndName("/p0", v).ChangedInGraph(r.Graph) {
			t.Errorf("%s: training does not update it", v)
		}
	}
}

// TestTrainedNormGradient: gradients flow through the moments of the batch. With
// y = g·x̂ + s and L = Σ u y, per channel of N entries,
//
//	∂L/∂x = g/√(var + eps)·(u − mean(u) − x̂·mean(u x̂)).
func TestTrainedNormGradient(t *testing.T) {
	const eps, channels, per = 0.01, 5, 12
	x, u, gain, shift := gaussian(1, 3, 4, channels), gaussian(2, 3, 4, channels), gaussian(3, channels), gaussian(4, channels)
	want := newND(x.dims...)
	for c := range channels {
		mean, variance, meanU, meanUX := 0.0, 0.0, 0.0, 0.0
		for i := c; i < len(x.data); i += channels {
			mean += x.data[i] / per
			meanU += u.data[i] / per
		}
		for i := c; i < len(x.data); i += channels {
			variance += (x.data[i] - mean) * (x.data[i] - mean) / per
		}
		sd := math.Sqrt(variance + eps)
		for i := c; i < len(x.data); i += channels {
			meanUX += u.data[i] * (x.data[i] - mean) / sd / per
		}
		for i := c; i < len(x.data); i += channels {
			want.data[i] = gain.data[c] / sd * (u.data[i] - meanU - (x.data[i]-mean)/sd*meanUX)
		}
	}
	for _, mode := range []string{"train", "running"} {
		model, err := parse(t, fmt.Sprintf(`[{"op": "batch_norm", "mode": %q, "eps": 0.01, "affine": true}]`, mode), "ntk", 4, channels).Model()
		if err != nil {
			t.Fatal(err)
		}
		r, err := graph.Trace(mlctx.New(), "train", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
			ctx.SetTraining(g, true)
			shape := shapes.Make(dtypes.Float64, x.dims...)
			in := graph.Inputs(g, shape, shape)
			return gx.Gradient(gx.ReduceAllSum(gx.Mul(model(ctx, in[:1])[0], in[1])), in[0])
		})
		if err != nil {
			t.Fatal(err)
		}
		values := map[*graph.Value]nd{r.Inputs[0]: x, r.Inputs[1]: u}
		for _, v := range r.Variables {
			switch v.Name() {
			case "scale":
				values[v.Value] = gain
			case "shift":
				values[v.Value] = shift
			default: // running averages, which do not enter
				values[v.Value] = gaussian(9, channels)
			}
		}
		if e := relErr(execute(t, r.Program, values), want); !(e <= 1e-12) {
			t.Errorf("%s: relative error %g, want ≤ 1e-12", mode, e)
		}
	}
}

func TestShapesAndBranches(t *testing.T) {
	x := gaussian(1, 2, 4, 6, 3)
	at := func(i []int) float64 { return *x.at(i...) }
	for _, tc := range []struct {
		name, layers string
		dims         []int
		want         func(i []int) float64
	}{
		{"flatten", `[{"op": "flatten"}]`, []int{2, 72}, func(i []int) float64 { return x.data[i[0]*72+i[1]] }},
		{"global average", `[{"op": "global_avg_pool"}]`, []int{2, 3}, func(i []int) (s float64) {
			each([]int{4, 6}, func(p []int) { s += *x.at(i[0], p[0], p[1], i[1]) / 24 })
			return s
		}},
		{"global sum", `[{"op": "global_sum_pool"}]`, []int{2, 3}, func(i []int) (s float64) {
			each([]int{4, 6}, func(p []int) { s += *x.at(i[0], p[0], p[1], i[1]) })
			return s
		}},
		{
			"residual, identity", `[{"op": "residual", "main": [{"op": "abs"}], "shortcut": []}]`, x.dims,
			func(i []int) float64 { return math.Abs(at(i)) + at(i) },
		},
		{
			"residual, both", `[{"op": "residual", "main": [{"op": "abs"}], "shortcut": [{"op": "sin"}, {"op": "abs"}]}]`, x.dims,
			func(i []int) float64 { return math.Abs(at(i)) + math.Abs(math.Sin(at(i))) },
		},
		{
			"prod", `[{"op": "prod", "branches": [[{"op": "abs"}], [], [{"op": "cos"}]]}]`, x.dims,
			func(i []int) float64 { return math.Abs(at(i)) * at(i) * math.Cos(at(i)) },
		},
		{"concat, channels", `[{"op": "concat", "branches": [[], [{"op": "abs"}]]}]`, []int{2, 4, 6, 6}, func(i []int) float64 {
			v := *x.at(i[0], i[1], i[2], i[3]%3)
			if i[3] >= 3 {
				v = math.Abs(v)
			}
			return v
		}},
		{"concat, rows", `[{"op": "concat", "axis": 1, "branches": [[{"op": "slice", "spatial": [[0, 2, 1], [0, 6, 1]]}], []]}]`, []int{2, 6, 6, 3}, func(i []int) float64 {
			if i[1] < 2 {
				return at(i)
			}
			return *x.at(i[0], i[1]-2, i[2], i[3])
		}},
		{
			"slice", `[{"op": "slice", "spatial": [[1, 4, 2], [0, 6, 4]]}]`,
			[]int{2, 2, 2, 3},
			func(i []int) float64 { return *x.at(i[0], 1+2*i[1], 4*i[2], i[3]) },
		},
		{"dropout does nothing in inference", `[{"op": "dropout", "keep_rate": 0.5, "mode": "train"}]`, x.dims, at},
		{"nearest", `[{"op": "image_resize", "shape": [8, 4], "method": "nearest"}]`, []int{2, 8, 4, 3}, func(i []int) float64 {
			pick := func(o, in, out int) int { return int(math.Floor((float64(o) + 0.5) * float64(in) / float64(out))) }
			return *x.at(i[0], pick(i[1], 4, 8), pick(i[2], 6, 4), i[3])
		}},
		{"linear", `[{"op": "image_resize", "shape": [7, 4], "method": "linear"}]`, []int{2, 7, 4, 3}, func(i []int) (s float64) {
			weights := func(o, in, out int) []float64 {
				w, sum := make([]float64, in), 0.0
				for j := range w {
					d := float64(j) - ((float64(o)+0.5)*float64(in)/float64(out) - 0.5)
					w[j] = math.Max(0, 1-math.Abs(d)/math.Max(1, float64(in)/float64(out)))
					sum += w[j]
				}
				for j := range w {
					w[j] /= sum
				}
				return w
			}
			u, v := weights(i[1], 4, 7), weights(i[2], 6, 4)
			each([]int{4, 6}, func(p []int) { s += u[p[0]] * v[p[1]] * *x.at(i[0], p[0], p[1], i[3]) })
			return s
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := newND(tc.dims...)
			each(tc.dims, func(i []int) { *want.at(i...) = tc.want(i) })
			got := forward(t, parse(t, tc.layers, "ntk", 4, 6, 3), nil, x)
			if e := relErr(got, want); !(e <= sumTol) {
				t.Errorf("relative error %g, want ≤ %g (shape %v, want %v)", e, sumTol, got.dims, want.dims)
			}
		})
	}
}

// TestAggregate: out[j] = Σ_i pattern[i, j] x[i], on either axis of positions.
func TestAggregate(t *testing.T) {
	x, pattern := gaussian(1, 2, 4, 3, 5), gaussian(2, 2, 4, 4)
	want := newND(x.dims...)
	each(x.dims, func(i []int) {
		for k := range 4 {
			*want.at(i...) += *pattern.at(i[0], k, i[1]) * *x.at(i[0], k, i[2], i[3])
		}
	})
	spec := parse(t, `[{"op": "aggregate", "axis": 1, "pattern": "adjacency"}]`, "ntk", 4, 3, 5)
	if e := relErr(forward(t, spec, nil, x, pattern), want); !(e <= sumTol) {
		t.Errorf("relative error %g, want ≤ %g", e, sumTol)
	}
}

// TestShare: the second dense layer is the first one's function again.
func TestShare(t *testing.T) {
	x, w := gaussian(1, 3, 4), gaussian(2, 4, 4)
	a := map[string]nd{"p0_W": w}
	once := parse(t, `[{"op": "dense", "width": 4, "w_std": 1, "b_std": null}]`, "ntk", 4)
	twice := parse(t, `[{"op": "dense", "width": 4, "w_std": 1, "b_std": null}, {"op": "dense", "width": 4, "w_std": 1, "share": "p0"}]`, "ntk", 4)
	want := forward(t, once, a, forward(t, once, a, x))
	if e := relErr(forward(t, twice, a, x), want); !(e <= sumTol) {
		t.Errorf("relative error %g, want ≤ %g", e, sumTol)
	}
	if p, err := twice.Params(); err != nil || len(p) != 1 {
		t.Errorf("Params = %v, %v, want one", p, err)
	}
}

// TestDropoutTrains: units are dropped at random in graphs that train, and in
// no others; with mode "test" never.
func TestDropoutTrains(t *testing.T) {
	for _, tc := range []struct {
		mode  string
		train bool
		want  bool
	}{{"train", true, true}, {"train", false, false}, {"test", true, false}} {
		s := parse(t, fmt.Sprintf(`[{"op": "dropout", "keep_rate": 0.5, "mode": %q}]`, tc.mode), "ntk", 4)
		model, err := s.Model()
		if err != nil {
			t.Fatal(err)
		}
		r, err := graph.Trace(mlctx.New(), "dropout", func(ctx *mlctx.Context, g *gx.Graph) []*gx.Node {
			ctx.SetTraining(g, tc.train)
			return model(ctx, graph.Inputs(g, shapes.Make(dtypes.Float32, 3, 4)))
		})
		if err != nil {
			t.Fatal(err)
		}
		random := false
		for _, e := range r.Program.Eqns {
			random = random || e.Op == backends.OpTypeRNGBitGenerator
		}
		if random != tc.want {
			t.Errorf("mode %s, training %v: random %v, want %v", tc.mode, tc.train, random, tc.want)
		}
	}
}

// TestFloat32: every architecture of the oracles takes its dtype from its
// input.
func TestFloat32(t *testing.T) {
	for _, c := range oracleCases(t) {
		if c.Layers == nil || c.refused(t) {
			continue
		}
		s, err := c.spec()
		if err != nil {
			t.Fatal(err)
		}
		model, err := s.Model()
		if err != nil {
			t.Fatal(err)
		}
		ins, err := s.Inputs()
		if err != nil {
			t.Fatal(err)
		}
		var in []shapes.Shape
		for _, i := range ins {
			in = append(in, shapes.Make(dtypes.Float32, append([]int{2}, i.Shape...)...))
		}
		r, err := graph.Record(mlctx.New(), model, in...)
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		for _, e := range r.Program.Eqns {
			for _, o := range e.Out {
				if o.Shape.DType == dtypes.Float64 {
					t.Errorf("%s: %s in a float32 network", c.Name, e)
				}
			}
		}
	}
}

// TestWrongInputs: a model that is given other inputs than its Spec's fails
// with an error that says so.
func TestWrongInputs(t *testing.T) {
	s := parse(t, `[{"op": "relu"}]`, "ntk", 4)
	model, err := s.Model()
	if err != nil {
		t.Fatal(err)
	}
	f64 := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float64, dims...) }
	for want, in := range map[string][]shapes.Shape{
		"input x has shape [2 5], want [batch] and [4]":   {f64(2, 5)},
		"input x has shape [2 4 1], want [batch] and [4]": {f64(2, 4, 1)},
		"spec has 1 inputs, got 2":                        {f64(2, 4), f64(2, 4)},
	} {
		if _, err := graph.Record(mlctx.New(), model, in...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
