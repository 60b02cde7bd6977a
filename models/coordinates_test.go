package models_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"
	"github.com/gomlx/gomlx/pkg/core/tensors"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/models"
)

func pureGo(t *testing.T) backends.Backend {
	t.Helper()
	b, err := simplego.New("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// zoo builds a network of the zoo at a width.
func zoo(t *testing.T, name string, c models.Config) func(width int) (*models.Spec, error) {
	t.Helper()
	b, err := models.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return func(width int) (*models.Spec, error) {
		c.Width = width
		return b(c)
	}
}

// TestCoordinatesBySteps: sizes of a mean-field network with one hidden layer,
// whose weights have rates of their own, against plain loops over two steps.
func TestCoordinatesBySteps(t *testing.T) {
	const in, n, seed, rate, steps = 3, 4, 5, 0.3, 2
	widths := []int{4, 6}
	got, err := models.CheckCoordinates(context.Background(), pureGo(t), zoo(t, "shallow",
		models.Config{InputShape: []int{in}, Outputs: 2, Activation: "tanh", WStd: 1, Parameterization: "mean-field"}),
		models.CheckOptions{Widths: widths, Seed: seed, Seeds: 1, Steps: steps, Rate: rate, Examples: n, DType: dtypes.Float64})
	if err != nil {
		t.Fatal(err)
	}
	draw := func(name string, dims ...int) nd {
		x, err := graph.Draw(graph.Gaussian(1), seed, name, shapes.Make(dtypes.Float64, dims...))
		if err != nil {
			t.Fatal(err)
		}
		return nd{dims, tensors.MustCopyFlatData[float64](x)}
	}
	x, y := draw("inputs", n, in), draw("targets", n, 2)
	for k, width := range widths {
		w, v := draw("/p0/W", in, width), draw("/p1/W", width, 2)
		s1, s2, eta := 1/math.Sqrt(in), 1/float64(width), float64(width) // both rates are n
		forward := func() (h, f nd) {
			h, f = newND(n, width), newND(n, 2)
			for e := range n {
				for u := range width {
					for i := range in {
						*h.at(e, u) += s1 * *x.at(e, i) * *w.at(i, u)
					}
					for o := range 2 {
						*f.at(e, o) += s2 * math.Tanh(*h.at(e, u)) * *v.at(u, o)
					}
				}
			}
			return h, f
		}
		h0, f0 := forward()
		for range steps {
			h, f := forward()
			dw, dv := newND(in, width), newND(width, 2)
			for e := range n {
				for o := range 2 {
					r := (*f.at(e, o) - *y.at(e, o)) / n
					for u := range width {
						a := math.Tanh(*h.at(e, u))
						*dv.at(u, o) += r * s2 * a
						for i := range in {
							*dw.at(i, u) += r * s2 * *v.at(u, o) * (1 - a*a) * s1 * *x.at(e, i)
						}
					}
				}
			}
			for i := range dw.data {
				w.data[i] -= rate * eta * dw.data[i]
			}
			for i := range dv.data {
				v.data[i] -= rate * eta * dv.data[i]
			}
		}
		h, f := forward()
		for i := range h.data {
			h.data[i] -= h0.data[i]
		}
		for i := range f.data {
			f.data[i] -= f0.data[i]
		}
		rms := func(a nd) float64 { return norm(a) / math.Sqrt(float64(len(a.data))) }
		for i, want := range [][2]float64{{rms(h0), rms(h)}, {rms(f0), rms(f)}} {
			l := got.Layers[i]
			if !(relDiff(l.Start.Sizes[k], want[0]) <= 1e-12) || !(relDiff(l.Update.Sizes[k], want[1]) <= 1e-12) {
				t.Errorf("width %d, %s: sizes %g, %g, want %g, %g", width, l.Name, l.Start.Sizes[k], l.Update.Sizes[k], want[0], want[1])
			}
		}
	}
	for _, l := range got.Layers { // two points: the slope is that of the line through them
		want := math.Log(l.Update.Sizes[1]/l.Update.Sizes[0]) / math.Log(1.5)
		if !(math.Abs(l.Update.Slope-want) <= 1e-12) || !math.IsNaN(l.Update.Error) {
			t.Errorf("%s: slope %g ± %g, want %g and no error", l.Name, l.Update.Slope, l.Update.Error, want)
		}
	}
}

// TestCoordinates: powers of the width as the theory of each parameterization
// has them (Yang, Hu, arXiv 2011.14522, section 3), at one rate for all widths.
func TestCoordinates(t *testing.T) {
	for _, tc := range []struct {
		model, param   string
		start, updates []float64 // of the hidden layers and the output
		verdict        string
	}{
		{"mlp", "ntk", []float64{0, 0, 0}, []float64{-0.5, -0.5, 0}, "in the limit features stay"},
		// ΔW of the second layer is δ hᵀ with δ ~ n^{−1/2}, and h h' ~ n; of the third h h' alone.
		{"mlp", "standard", []float64{0, 0, 0}, []float64{-0.5, 0.5, 1}, "Wider networks need smaller rates"},
		{"mlp", "mup", []float64{0, 0, -0.5}, []float64{0, 0, 0}, "features are learned"},
		{"shallow", "mean-field", []float64{0, -0.5}, []float64{0, 0}, "a learning rate that is good at one is good at all"},
		{"cnn-gap", "mup", []float64{0, -0.5}, []float64{0, 0}, "features are learned"},
	} {
		t.Run(tc.model+" "+tc.param, func(t *testing.T) {
			c := models.Config{InputShape: []int{10}, Depth: 2, Outputs: 3, Activation: "tanh", Parameterization: tc.param}
			opts := models.CheckOptions{Widths: []int{64, 128, 256, 512}, Seed: 1, Examples: 8, Seeds: 6}
			switch tc.model {
			case "shallow":
				c.Depth = 1
			case "cnn-gap":
				c.Depth, c.InputShape = 1, []int{4, 4, 2}
			}
			got, err := models.CheckCoordinates(context.Background(), pureGo(t), zoo(t, tc.model, c), opts)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Layers) != len(tc.updates) {
				t.Fatalf("%d layers, want %d", len(got.Layers), len(tc.updates))
			}
			near := func(what string, s models.Scaled, want float64) {
				t.Logf("%s: n^%s", what, s.Power())
				// Six seeds; the first correction to a power law, of relative size 1/√n, changes
				// the slope by 0.03 between these widths.
				if tol := 0.05 + 4*s.Error; !(math.Abs(s.Slope-want) <= tol) || s.Error > 0.1 {
					t.Errorf("%s goes as n^%s, want n^%g", what, s.Power(), want)
				}
			}
			for i, l := range got.Layers {
				near(l.Name+" at the start", l.Start, tc.start[i])
				near("change of "+l.Name, l.Update, tc.updates[i])
			}
			if all := strings.Join(got.Verdicts(), " "); !strings.Contains(all, tc.verdict) {
				t.Errorf("verdict %q, want one with %q", all, tc.verdict)
			}
		})
	}
}

func TestCoordinatesErrors(t *testing.T) {
	mlp := zoo(t, "mlp", models.Config{InputShape: []int{3}, Depth: 1})
	canceled, cancel := context.WithCancelCause(context.Background())
	cancel(context.Canceled)
	for _, tc := range []struct {
		ctx   context.Context
		build func(int) (*models.Spec, error)
		opts  models.CheckOptions
		want  string
	}{
		{context.Background(), mlp, models.CheckOptions{Widths: []int{4}}, "a power needs at least two"},
		{context.Background(), mlp, models.CheckOptions{Widths: []int{4, 4}}, "ascending"},
		{context.Background(), mlp, models.CheckOptions{Widths: []int{4, 8}, Steps: -1}, "none may be negative"},
		{context.Background(), mlp, models.CheckOptions{Widths: []int{4, 8}, Rate: math.NaN()}, "none may be negative"},
		{context.Background(), zoo(t, "mlp", models.Config{}), models.CheckOptions{Widths: []int{4, 8}}, "width 4: models: spec: input_shape is empty"},
		{canceled, mlp, models.CheckOptions{Widths: []int{4, 8}}, "canceled"},
		{context.Background(), func(int) (*models.Spec, error) {
			return parse(t, `[{"op": "dense", "width": 2, "w_std": 0}]`, "ntk", 3), nil
		}, models.CheckOptions{Widths: []int{4, 8}, Rate: 1e30}, ""},
	} {
		got, err := models.CheckCoordinates(tc.ctx, pureGo(t), tc.build, tc.opts)
		if tc.want == "" { // sizes that are 0: no slope, and words that say so
			if err != nil || !math.IsNaN(got.Layers[0].Start.Slope) || !strings.Contains(strings.Join(got.Verdicts(), " "), "0 or not finite") {
				t.Errorf("weights of gain 0: %+v, %v", got, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: error %v, want %q", tc.opts, err, tc.want)
		}
	}
}
